/** As Promise.all, but rejects only when none of them goes on any more, so that what they did can be undone. */
export async function allDone<T extends readonly Promise<unknown>[]>(
  works: readonly [...T],
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(works);
  return Promise.all(works);
}
