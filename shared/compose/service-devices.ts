import { CdiName } from "../contract/isolation.ts";
import { parseGpus } from "../run-line/isolation-flags.ts";
import { wrong } from "../run-line/values.ts";
import { type Field, readKeys } from "./field.ts";
import type { DeviceRequest } from "./project.ts";

/** Capabilities that NVIDIA's GPUs have (docker: --gpus). */
const gpuCapabilities = new Set([
  ...["gpu", "nvidia", "compute", "compat32", "graphics", "utility", "video", "display"],
]);

/** A service's `gpus`: as docker run takes it, or a list of requests. */
export function readGpus(field: Field): DeviceRequest[] {
  if (field.isList) return readDeviceRequests(field);
  const text = field.text();
  const names = field.attempt(() => parseGpus(text ?? ""));
  return names ? [{ names, needed: false, at: field.at, path: field.path }] : [];
}

/** Those of `deploy.resources.reservations.devices`, by the names that specs of devices (CDI) have. */
export function readDeviceRequests(field: Field): DeviceRequest[] {
  return field.items().flatMap((item): DeviceRequest[] => {
    const names = readRequest(item);
    return names ? [{ names, needed: false, at: item.at, path: item.path }] : [];
  });
}

/** A device by its name among `devices`, which nothing else is there for; undefined for another one. */
export function readNamedDevice(field: Field): DeviceRequest | undefined {
  if (field.tree.kind !== "scalar" || !CdiName.safeParse(field.tree.text).success) return undefined;
  return { names: [field.tree.text], needed: true, at: field.at, path: field.path };
}

function readRequest(field: Field): string[] | undefined {
  let driver = "";
  let count: string | undefined;
  let ids: string[] | undefined;
  let capabilities: string[] | undefined;
  readKeys(field, "A device request", {
    driver: (value) => {
      driver = value.text() ?? "";
    },
    count: (value) => {
      count = value.text();
    },
    device_ids: (value) => {
      ids = value.texts();
    },
    capabilities: (value) => {
      capabilities = value.texts();
    },
    options: (value) => {
      if (value.entries().length > 0)
        value.note("lost", "A driver of devices takes no options here");
    },
  });
  return field.attempt(() => {
    if (count !== undefined && ids) return wrong("Write count or device_ids, not both");
    if (driver === "cdi") return (ids ?? wrong("Name the devices under device_ids")).map(cdiName);
    if (driver !== "" && driver !== "nvidia") {
      field.note(
        "lost",
        `There is no driver of devices “${driver}” here: write cdi, and their names`,
      );
      return undefined;
    }
    if (capabilities && !capabilities.some((one) => gpuCapabilities.has(one))) {
      field.note("lost", `Devices for “${capabilities.join(", ")}” are not known here`);
      return undefined;
    }
    return parseGpus(ids ? `device=${ids.join(",")}` : (count ?? "all"));
  });
}

const cdiName = (name: string): string =>
  CdiName.safeParse(name).success
    ? name
    : wrong(`“${name}” is no device's name: write vendor.com/class=name`);
