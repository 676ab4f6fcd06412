import type { OciCli } from "./oci-cli.ts";

/** Sends a signal to init, or to the process of that pid inside. */
export async function sandboxKill(
  cli: OciCli,
  container: { namespace: string; id: string },
  pid: number | undefined,
  signal: number,
): Promise<void> {
  const { namespace, id } = container;
  const which = pid === undefined ? [] : ["--pid", String(pid)];
  const call = { namespace, entry: undefined, context: `Container "${id}" could not be signalled` };
  await cli.run(call, ["kill", ...which, cli.name(namespace, id), String(signal)]);
}
