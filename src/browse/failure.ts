import { OciError } from '../oci/errors.ts';

/** Whatever was thrown as an error of the core; what is not one is a fault of ours. */
export function asOciError(error: unknown): OciError {
  return error instanceof OciError
    ? error
    : new OciError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}
