/** True for a namespace itself and all below it; all there is where none is given. */
export function inNamespace(repository: string, namespace: string | undefined): boolean {
  return namespace === undefined || repository === namespace || repository.startsWith(`${namespace}/`);
}
