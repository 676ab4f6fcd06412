import { AppError } from "#shared/errors";

export interface Before {
  name: string;
  /** When that one fails, this one is not tried. */
  required: boolean;
}

export interface OrderedWork {
  names: readonly string[];
  /** What has to be through before `name`; nothing that is not among the names counts. No circles. */
  before(name: string): Before[];
  work(name: string): Promise<void>;
  /** It is not tried, because `failed` failed or was not tried either. */
  skip?(name: string, failed: string): void;
}

/**
 * Does something for each, what does not wait for another at the same time. All are tried that can be; answers what
 * failed, by name, without those that were only skipped.
 */
export async function inOrder(options: OrderedWork): Promise<Map<string, AppError>> {
  const names = new Set(options.names);
  const failures = new Map<string, AppError>();
  const skipped = new Set<string>();
  const runs = new Map<string, Promise<void>>();
  const run = (name: string): Promise<void> => {
    const known = runs.get(name);
    if (known) return known;
    const made = begin(name);
    runs.set(name, made);
    return made;
  };
  const begin = async (name: string): Promise<void> => {
    const before = options.before(name).filter((one) => names.has(one.name));
    await Promise.all(before.map((one) => run(one.name)));
    const failed = before.find(
      (one) => one.required && (failures.has(one.name) || skipped.has(one.name)),
    );
    if (failed) {
      skipped.add(name);
      options.skip?.(name, failed.name);
      return;
    }
    try {
      await options.work(name);
    } catch (error) {
      failures.set(name, AppError.from(error));
    }
  };
  await Promise.all(options.names.map(run));
  return failures;
}
