import { parseSize, wrong } from "../run-line/values.ts";
import type { RestartPolicy } from "../contract/containers.ts";
import { type Field, readKeys } from "./field.ts";
import type { DeviceRequest } from "./project.ts";
import { readDeviceRequests } from "./service-devices.ts";

/** What of `deploy` holds for one machine. */
export interface Deploy {
  replicas?: number | undefined;
  cpus?: number | undefined;
  /** Bytes. */
  memory?: number | undefined;
  pids?: number | undefined;
  memoryReservation?: number | undefined;
  restart?: RestartPolicy | undefined;
  devices?: DeviceRequest[] | undefined;
}

const cluster = "There is one machine here";

export function readDeploy(field: Field): Deploy {
  const deploy: Deploy = {};
  readKeys(
    field,
    "A deployment",
    {
      replicas: (value) => {
        deploy.replicas = value.whole();
      },
      mode: (value) => {
        const mode = value.text();
        if (mode !== "replicated")
          value.note("vain", `${cluster}: it runs as often as replicas say`);
      },
      resources: (value) =>
        readKeys(value, "Resources", {
          limits: (limits) => readLimits(limits, deploy),
          reservations: (reservations) => readReservations(reservations, deploy),
        }),
      restart_policy: (value) => {
        deploy.restart = readRestart(value);
      },
    },
    {
      vain: {
        endpoint_mode: cluster,
        placement: cluster,
        update_config: "Services are brought up at once here",
        rollback_config: "Services are brought up at once here",
        labels: "They are the service's, not its containers'",
      },
    },
  );
  return deploy;
}

const bytes = (value: Field): number | undefined => {
  const text = value.text();
  return value.attempt(() => parseSize(text ?? ""));
};

function readLimits(field: Field, deploy: Deploy): void {
  readKeys(field, "A limit", {
    cpus: (value) => {
      deploy.cpus = value.number();
    },
    memory: (value) => {
      deploy.memory = bytes(value);
    },
    pids: (value) => {
      deploy.pids = value.whole();
    },
  });
}

function readReservations(field: Field, deploy: Deploy): void {
  readKeys(
    field,
    "A reservation",
    {
      memory: (value) => {
        deploy.memoryReservation = bytes(value);
      },
      devices: (value) => {
        deploy.devices = readDeviceRequests(value);
      },
    },
    {
      lost: {
        generic_resources: "There are none here",
      },
      vain: { cpus: "CPUs can't be kept for one: give it cpu_shares" },
    },
  );
}

function readRestart(field: Field): RestartPolicy | undefined {
  let condition = "any";
  let attempts: number | undefined;
  readKeys(
    field,
    "A restart policy",
    {
      condition: (value) => {
        condition = value.text() ?? condition;
      },
      max_attempts: (value) => {
        attempts = value.whole();
      },
    },
    {
      vain: {
        delay: "How long is waited grows with every restart here",
        window: "How long is waited grows with every restart here",
      },
    },
  );
  return field.attempt((): RestartPolicy => {
    if (condition === "none") return { name: "no" };
    if (condition === "any") return { name: "always" };
    if (condition !== "on-failure") return wrong(`There is no condition “${condition}”`);
    return { name: "on-failure", ...(attempts ? { maximumRetries: attempts } : {}) };
  });
}
