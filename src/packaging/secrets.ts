/** Paths of files, with `/`, that nearly always hold something that must not leave the machine. */
const patterns: readonly RegExp[] = [
  /\/\.env(?:\.[^/]+)?$/i,
  /\/\.envrc$/,
  /\/id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?$/,
  /\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk)$/i,
  /\/\.(?:npmrc|yarnrc|netrc|pypirc|pgpass|git-credentials|htpasswd|dockercfg|s3cfg|boto|vault-token|terraformrc)$/,
  /\/(?:_netrc|secring\.gpg)$/,
  /\/\.(?:aws\/credentials|docker\/config\.json|kube\/config)$/,
  /\/(?:credentials|secrets?|service-account|serviceaccount)(?:\.(?:json|ya?ml|toml))?$/i,
  /\/kubeconfig$/i,
  /\.tfstate(?:\.backup)?$/,
  /\.tfvars$/,
];

const examples = /\.(?:example|sample|template|dist)$/i;

/** True for a file that is pointed out before it is pushed. @param path absolute, or with a slash before it, with `/` */
export function looksSecret(path: string): boolean {
  return !examples.test(path) && patterns.some((pattern) => pattern.test(path));
}
