import { defaultNetwork } from "../contract/networks.ts";
import type { HealthCheck } from "../contract/health.ts";
import type { RunDraft, RunNote } from "../run-line/draft.ts";
import { usernsWords } from "../run-line/isolation-flags.ts";
import { flagGroups, runNotes } from "../run-line/write-run-line.ts";

/** A container's flags as podman takes them, where that differs from docker. */
export function podmanFlags(draft: RunDraft): { groups: string[][]; notes: RunNote[] } {
  const { networks, healthCheck, entrypoint, userns, ...rest } = draft;
  const { startIntervalSeconds, test, ...times } = healthCheck ?? {};
  const none = test?.[0] === "NONE";
  const notes = runNotes({ ...rest, healthCheck: undefined }, "podman");
  if (startIntervalSeconds !== undefined) {
    const reason = "podman checks as often in the start period as later";
    notes.push({ flag: `--health-start-interval ${startIntervalSeconds}s`, reason, lost: true });
  }
  const groups = flagGroups({ ...rest, healthCheck: none ? healthCheck : times });
  if (test && !none) groups.push(["--health-cmd", podmanTest(test)]);
  groups.push(...podmanUserns(userns));
  groups.push(...podmanNetworks(networks).map((network) => ["--network", network]));
  if (entrypoint) groups.push(["--entrypoint", podmanEntrypoint(entrypoint)]);
  if (Array.isArray(networks)) {
    for (const { name } of networks.filter(({ name }) => name !== defaultNetwork)) {
      const reason = `podman needs a network of that name: podman network create ${name}`;
      notes.push({ flag: `--network ${name}`, reason, lost: false });
    }
  }
  return { groups, notes };
}

/** podman: `bridge:ip=10.88.0.7,alias=db`; the default network has docker's name there too. */
function podmanNetworks(networks: RunDraft["networks"]): string[] {
  if (networks === undefined) return [];
  if (typeof networks === "string") return [networks];
  if (!Array.isArray(networks)) return [`container:${networks.container}`];
  return networks.map(({ name, ip4, ip6, mac, aliases = [] }) => {
    const options = [
      ...(ip4 === undefined ? [] : [`ip=${ip4}`]),
      ...(ip6 === undefined ? [] : [`ip6=${ip6}`]),
      ...(mac === undefined ? [] : [`mac=${mac}`]),
      ...aliases.map((alias) => `alias=${alias}`),
    ];
    return options.length > 0 ? `${name}:${options.join(",")}` : name;
  });
}

function podmanUserns(userns: RunDraft["userns"]): string[][] {
  return usernsWords(userns).map((word) => {
    if (word.startsWith("auto")) return ["--userns", word];
    return word.startsWith("g") ? ["--gidmap", word.slice(1)] : ["--uidmap", word];
  });
}

/** A list is JSON there; a text with a first word that means something to podman says first that it is a text. */
function podmanTest([form, ...words]: NonNullable<HealthCheck["test"]>): string {
  const [text = ""] = words;
  if (form === "CMD-SHELL") {
    return /^\s*\[|^(CMD|CMD-SHELL|NONE)(\s|$)/i.test(text) ? `CMD-SHELL ${text}` : text;
  }
  return words.length > 1 ? JSON.stringify(words) : text;
}

function podmanEntrypoint(entrypoint: readonly string[]): string {
  return entrypoint.length === 0 ? "" : JSON.stringify(entrypoint);
}
