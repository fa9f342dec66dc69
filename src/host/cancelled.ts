/** What a dialog that was closed throws: an abort like any other, so that nothing is said about it. */
export function cancelled(): Error {
  return new DOMException('The person cancelled', 'AbortError');
}
