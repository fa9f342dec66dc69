import { OciError } from '../oci/errors.ts';
import { archiveLimits } from './limits.ts';

/** What names may be on the system they are written on. */
export interface NameRules {
  /** Windows: devices, streams, and endings it drops make one name another. */
  readonly portable: boolean;
}

/** Device names of Windows, whatever stands behind their first dot. */
const reserved = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[\d¹²³])(?:[. ]|$)/i;
const notOnWindows = /[<>:"|?*\u0001-\u001f]/;

/**
 * The parts of a path that stays where it is put: none for `.`.
 * @throws {OciError} `path-unsafe` for an absolute path, `..`, a drive, a backslash, NUL, one too long or too deep, and with
 * `portable` for a name that Windows would take for another
 */
export function safeParts(name: string, { portable }: NameRules): readonly string[] {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  const problem = name.startsWith('/')
    ? 'is absolute'
    : name.includes('\0')
      ? 'holds a NUL'
      : name.includes('\\')
        ? 'holds a backslash'
        : /^[A-Za-z]:/.test(parts[0] ?? '')
          ? 'names a drive'
          : parts.includes('..')
            ? 'leads upwards'
            : parts.length > archiveLimits.depth
              ? 'is too deep'
              : isTooLong(name, parts)
                ? 'is too long'
                : portable && parts.some(isForeign)
                  ? 'is not a file name on every system'
                  : undefined;
  if (problem !== undefined) {
    throw new OciError('path-unsafe', `${JSON.stringify(name.slice(0, 200))} ${problem}`, { url: name });
  }
  return parts;
}

function isTooLong(name: string, parts: readonly string[]): boolean {
  return (
    Buffer.byteLength(name) > archiveLimits.pathBytes ||
    parts.some((part) => Buffer.byteLength(part) > archiveLimits.partBytes)
  );
}

function isForeign(part: string): boolean {
  return reserved.test(part) || notOnWindows.test(part) || /[. ]$/.test(part);
}

/** What two names are the same by where case and the form of accents do not count. */
export function foldedName(name: string): string {
  return name.normalize('NFC').toLowerCase().normalize('NFC');
}
