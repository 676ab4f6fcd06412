import { AppError } from "#shared/errors";

/**
 * An error of a runtime, which knows containers by id, in the user's words: with the container's name, and
 * with what could not be done when it does not say so itself.
 */
export function nameError(
  error: unknown,
  container: { id: string; name: string },
  what?: string,
): AppError {
  const { id, name } = container;
  const inner = AppError.from(error);
  const message = inner.message.replaceAll(id, name);
  const said = what === undefined || / could not be /.test(message);
  return new AppError(
    inner.code,
    said ? message : `Container "${name}" ${what}: ${message}`,
    { ...inner.details, subject: `container "${name}"` },
    error,
  );
}
