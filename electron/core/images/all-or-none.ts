/** Waits for all; when one fails the others are cancelled and waited for, and its error is told. */
export async function allOrNone<T>(all: Promise<T>[], failed: AbortController): Promise<T[]> {
  let first: { error: unknown } | undefined;
  for (const each of all) {
    each.catch((error: unknown) => {
      first ??= { error };
      failed.abort();
    });
  }
  const outcomes = await Promise.allSettled(all);
  if (first) throw first.error;
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
}
