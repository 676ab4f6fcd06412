import { mkdir } from "node:fs/promises";
import { join } from "node:path";

export const configFile = "config.json";
export const stateFile = "state.json";

export const rootfsDir = (bundle: string): string => join(bundle, "rootfs");

export async function makeDirectories(bundle: string): Promise<void> {
  await Promise.all([
    mkdir(rootfsDir(bundle)),
    mkdir(join(bundle, "processes", "init"), { recursive: true }),
  ]);
}
