import { z } from "zod";
import { errorCodes } from "../errors.ts";

/** Milliseconds since the Unix epoch. */
export const Time = z.number();
export const Nothing = z.object({});
/** 64 lower-case hexadecimal digits for containers and images; shown as their first 12. */
export const Id = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,127}$/);
export const ById = z.object({ id: Id });
export const Labels = z.record(z.string().min(1).max(256), z.string().max(4096));
/** Raw bytes, carried as such by every transport. */
export const Bytes = z.instanceof(Uint8Array);

export const ErrorInfoSchema = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  details: z.object({
    subject: z.string().optional(),
    hint: z.string().optional(),
    output: z.string().optional(),
    field: z.string().optional(),
  }),
});

/**
 * One step of a list that is kept current by push: the first item of a stream has `reset: true` and
 * carries everything; later ones carry what changed. `removed` holds ids.
 */
export function delta<T extends z.ZodType>(item: T) {
  return z.object({ reset: z.boolean(), put: z.array(item), removed: z.array(z.string()) });
}

export interface Delta<T> {
  reset: boolean;
  put: T[];
  removed: string[];
}
