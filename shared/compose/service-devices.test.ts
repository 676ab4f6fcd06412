import { expect, test } from "vitest";
import { serviceOf } from "./testing.ts";

const nvidia = (name: string): string => `nvidia.com/gpu=${name}`;

test.each<[text: string, names: string[]]>([
  ["gpus: all", ["nvidia.com/gpu=all"]],
  ["gpus: 2", ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]],
  ["gpus: [{driver: nvidia, count: 1}]", ["nvidia.com/gpu=0"]],
  ["gpus: [{device_ids: ['1', GPU-7]}, {count: all}]", ["1", "GPU-7", "all"].map(nvidia)],
  ["devices: ['acme.com/tpu=x', /dev/fuse]", ["acme.com/tpu=x"]],
  [
    "deploy: {resources: {reservations: {devices: [{capabilities: [gpu, utility]}]}}}",
    ["nvidia.com/gpu=all"],
  ],
  [
    "deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: [acme.com/tpu=x]}]}}}",
    ["acme.com/tpu=x"],
  ],
])("%s asks for devices by name", async (text, names) => {
  const { devices } = await serviceOf(text);
  expect(devices.flatMap((request) => request.names)).toEqual(names);
});
