/**
 * A copy of plain data in which every Uint8Array is replaced by what `replace` makes of it. Parts
 * without bytes are shared, not copied; the value itself is returned when it holds none. `path` is
 * where the bytes are, and only valid during the call.
 */
export function replaceBytes(
  value: unknown,
  replace: (bytes: Uint8Array, path: readonly (string | number)[]) => unknown,
): unknown {
  return visit(value, [], replace);
}

function visit(
  value: unknown,
  path: (string | number)[],
  replace: (bytes: Uint8Array, path: readonly (string | number)[]) => unknown,
): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return replace(value, path);
  let copy: Record<string | number, unknown> | undefined;
  const record = value as Record<string | number, unknown>;
  const keys: Iterable<string | number> = Array.isArray(value) ? value.keys() : Object.keys(value);
  for (const key of keys) {
    path.push(key);
    const next = visit(record[key], path, replace);
    path.pop();
    if (next === record[key]) continue;
    copy ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
    copy[key] = next;
  }
  return copy ?? value;
}
