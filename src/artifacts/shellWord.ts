/** One word of a POSIX shell; nothing of the usual names and paths needs quotes. */
export function shellWord(text: string): string {
  return /^[\w./:@+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
