/**
 * What is not seen and yet changes what is: control characters, ends of lines, direction marks (U+061C is one, too), spaces
 * without width, and the invisible copies of ASCII. The joiners that scripts and emoji need are not among them.
 */
const controls =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]+/gu;

/** One space for every run of what a text of a server, file or manifest must not do to a line that people read. */
export function withoutControls(text: string): string {
  return text.replace(controls, ' ');
}
