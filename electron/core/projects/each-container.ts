import type { Service } from "#shared/compose/project";
import type { Container } from "#shared/contract/containers";
import type { ServiceStep } from "#shared/contract/projects";
import { AppError } from "#shared/errors";
import { type Before, inOrder } from "./in-order.ts";
import { serviceOf } from "./project-containers.ts";

export interface EachContainer {
  project: string;
  rows: readonly Container[];
  /** As the source has them; none where it can't be read, and then nothing waits for anything. */
  services: readonly Pick<Service, "name" | "dependsOn">[];
  /** Those that are dealt with; absent: all that have containers. */
  names: readonly string[] | undefined;
  /** What is dealt with before a service: what depends on it, or what it depends on. */
  first: "dependents" | "dependencies";
  signal: AbortSignal;
  report: (service: string, step: ServiceStep) => void;
  work: (id: string) => Promise<void>;
}

/** Does something to the containers of services, in their order. All are tried; rejects as the first that failed. */
export async function eachContainer(options: EachContainer): Promise<void> {
  const { rows, services, first, signal, report, work } = options;
  const names = options.names ?? [...new Set(rows.map(serviceOf))];
  const failures = await inOrder({
    names,
    before: (name): Before[] => {
      const others =
        first === "dependencies"
          ? (services.find((one) => one.name === name)?.dependsOn ?? []).map((one) => one.service)
          : services
              .filter(({ dependsOn }) => dependsOn.some(({ service }) => service === name))
              .map((one) => one.name);
      // Each is told to end, whatever became of the others.
      return others.map((other) => ({ name: other, required: false }));
    },
    work: async (name) => {
      signal.throwIfAborted();
      report(name, { state: "working" });
      try {
        await Promise.all(rows.filter((row) => serviceOf(row) === name).map(({ id }) => work(id)));
        report(name, { state: "done" });
      } catch (error) {
        report(name, { state: "failed", error: AppError.from(error).toInfo() });
        throw error;
      }
    },
  });
  signal.throwIfAborted();
  const [failed] = failures;
  if (failed) {
    const [name, error] = failed;
    throw AppError.wrap(error, `${options.project}: ${name}`);
  }
}
