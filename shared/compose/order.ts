import type { Service } from "./project.ts";

type Depending = Pick<Service, "name" | "dependsOn">;

/** A round of services each of which waits for the next, the first again at its end; undefined without one. */
export function findCycle(services: readonly Depending[]): string[] | undefined {
  const byName = new Map(services.map((service) => [service.name, service]));
  const done = new Set<string>();
  const path = new Set<string>();
  const visit = (name: string): string[] | undefined => {
    if (path.has(name)) return [...path].slice([...path].indexOf(name)).concat(name);
    if (done.has(name)) return undefined;
    path.add(name);
    for (const { service } of byName.get(name)?.dependsOn ?? []) {
      const found = visit(service);
      if (found) return found;
    }
    path.delete(name);
    done.add(name);
    return undefined;
  };
  for (const { name } of services) {
    const found = visit(name);
    if (found) return found;
  }
  return undefined;
}

/** These services and all that they wait for, directly or not; in the order of `services`. */
export function withDependencies<S extends Depending>(
  services: readonly S[],
  names: readonly string[],
): S[] {
  const byName = new Map(services.map((service) => [service.name, service]));
  const wanted = new Set<string>();
  const add = (name: string): void => {
    const service = byName.get(name);
    if (!service || wanted.has(name)) return;
    wanted.add(name);
    for (const dependency of service.dependsOn) add(dependency.service);
  };
  for (const name of names) add(name);
  return services.filter(({ name }) => wanted.has(name));
}
