import { type Field, readKeys } from "./field.ts";
import type { Condition, Dependency } from "./project.ts";

const conditions: Condition[] = [
  ...(["service_started", "service_healthy", "service_completed_successfully"] as const),
];

/** What a service waits for before it is started. */
export function readDependencies(field: Field): Dependency[] {
  if (!field.isDict) {
    return field.texts().map((service) => ({
      ...{ service, condition: "service_started", required: true, restart: false },
    }));
  }
  return field.entries().map(([service, entry]) => {
    const dependency: Dependency = {
      ...{ service, condition: "service_started", required: true, restart: false },
    };
    readKeys(entry, "A dependency", {
      condition: (value) => {
        const text = value.text() as Condition;
        if (conditions.includes(text)) dependency.condition = text;
        else value.note("error", `There is no condition “${text}”: write ${conditions.join(", ")}`);
      },
      required: (value) => {
        dependency.required = value.boolean() ?? true;
      },
      restart: (value) => {
        dependency.restart = value.boolean() ?? false;
      },
    });
    return dependency;
  });
}
