/** Names of files that nearly always hold something that must not leave the machine. */
const patterns: readonly RegExp[] = [
  /^\.env(?:\..+)?$/i,
  /^id_(?:rsa|dsa|ecdsa|ed25519)$/,
  /\.(?:pem|key|p12|pfx|jks|keystore|kdbx)$/i,
  /^\.(?:npmrc|netrc|pypirc|pgpass|git-credentials|htpasswd|dockercfg)$/,
  /^(?:credentials|service-account|serviceaccount)(?:\.json)?$/i,
  /^kubeconfig$/i,
  /\.tfstate(?:\.backup)?$/,
];

const examples = /\.(?:example|sample|template|dist)$/i;

/** True for a file that is pointed out before it is pushed. */
export function looksSecret(name: string): boolean {
  return !examples.test(name) && patterns.some((pattern) => pattern.test(name));
}
