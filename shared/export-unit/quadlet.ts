import type { RunDraft, RunNote } from "../run-line/draft.ts";
import { podmanFlags } from "./podman-flags.ts";
import { installLines, serviceLines, unitLines } from "./service.ts";
import { type UnitLine, unitFile, unitText, unitWord, unitWords } from "./unit-words.ts";

/**
 * Flags that podman 4.9 (the oldest that is common with Quadlet) has keys for, and how it reads them: `raw` as they
 * stand, `words` with quotes (podman: pkg/systemd/quadlet). All others are PodmanArgs.
 */
const keys: Record<string, { key: string; read: "raw" | "words" | "switch" }> = {
  "--cap-add": { key: "AddCapability", read: "raw" },
  "--cap-drop": { key: "DropCapability", read: "raw" },
  "--device": { key: "AddDevice", read: "raw" },
  "--dns": { key: "DNS", read: "raw" },
  "--dns-option": { key: "DNSOption", read: "raw" },
  "--dns-search": { key: "DNSSearch", read: "raw" },
  "--health-cmd": { key: "HealthCmd", read: "raw" },
  "--health-interval": { key: "HealthInterval", read: "raw" },
  "--health-retries": { key: "HealthRetries", read: "raw" },
  "--health-start-period": { key: "HealthStartPeriod", read: "raw" },
  "--health-timeout": { key: "HealthTimeout", read: "raw" },
  "--hostname": { key: "HostName", read: "raw" },
  "--init": { key: "RunInit", read: "switch" },
  "--label": { key: "Label", read: "words" },
  "--name": { key: "ContainerName", read: "raw" },
  "--network": { key: "Network", read: "raw" },
  "--pids-limit": { key: "PidsLimit", read: "raw" },
  "--read-only": { key: "ReadOnly", read: "switch" },
  "--shm-size": { key: "ShmSize", read: "raw" },
  "--sysctl": { key: "Sysctl", read: "raw" },
  "--tmpfs": { key: "Tmpfs", read: "raw" },
  "--user": { key: "User", read: "raw" },
  "--workdir": { key: "WorkingDir", read: "raw" },
  "-e": { key: "Environment", read: "words" },
  "-p": { key: "PublishPort", read: "raw" },
  "-v": { key: "Volume", read: "raw" },
};

const longFlags: Record<string, string> = {
  ...{ "-e": "--env", "-p": "--publish", "-v": "--volume", "-i": "--interactive", "-t": "--tty" },
};

/** podman splits these at spaces, and knows no quotes there. */
const split = new Set(["--cap-add", "--cap-drop", "--device", "--sysctl"]);

/** A Quadlet file: podman makes a service of it when systemd reads its units (podman-systemd.unit(5)). */
export function writeQuadlet(
  draft: RunDraft,
  image: string,
  user: boolean,
): { text: string; notes: RunNote[] } {
  // Both are systemd's, and podman's generator removes it at its end by itself.
  const own: RunDraft = { ...draft, restart: { name: "no" }, autoRemove: undefined };
  const { groups, notes } = podmanFlags(own);
  const lines = groups.map(quadletLine);
  const { args } = draft;
  // podman's generator writes these as they are, where systemd then reads no word, or the end of the command.
  const dropped: string[] = args.filter((word) => word === "" || word === ";");
  for (const word of new Set(dropped)) {
    const reason = "A Quadlet file can't say an argument that is empty or only a semicolon";
    notes.push({ flag: word === "" ? '""' : word, reason, lost: true });
  }
  const kept = args.filter((word) => !dropped.includes(word));
  const text = unitFile([
    ["Unit", unitLines(draft, image, user ? [] : ["network-online.target"])],
    [
      "Container",
      [
        ["Image", unitText(image)],
        ...lines,
        ...(kept.length > 0 ? ([["Exec", unitWords(kept)]] as UnitLine[]) : []),
      ],
    ],
    ["Service", serviceLines(draft)],
    ["Install", installLines(user)],
  ]);
  return { text, notes };
}

function quadletLine([flag = "", value = "true"]: readonly string[]): UnitLine {
  if (flag === "-it") return ["PodmanArgs", "--interactive --tty"];
  if (flag === "--no-healthcheck") return ["HealthCmd", "none"];
  if (flag === "--security-opt" && value === "no-new-privileges") {
    return ["NoNewPrivileges", "true"];
  }
  if (flag === "--security-opt" && value.startsWith("seccomp=") && standsAsIs(flag, value)) {
    return ["SeccompProfile", unitText(value.slice("seccomp=".length))];
  }
  const known = keys[flag];
  if (known?.read === "words") return [known.key, unitWord(value)];
  if (known?.read === "switch") return [known.key, "true"];
  if (known && standsAsIs(flag, value)) return [known.key, unitText(value)];
  return ["PodmanArgs", argument(flag, value)];
}

/** One word, so that an empty value is one too. */
function argument(flag: string, value: string): string {
  const long = longFlags[flag] ?? flag;
  const alone = value === "true" && switches.has(long);
  return unitWord(alone ? long : `${long}=${value}`);
}

const switches = new Set(["--interactive", "--tty"]);

/** Whether podman reads a value as it was written: on one line, without an end that means something. */
function standsAsIs(flag: string, value: string): boolean {
  if (split.has(flag)) return /^[^\s"'\\]+$/.test(value);
  // oxlint-disable-next-line no-control-regex -- none of them may stand there
  return value !== "" && !/[\u0000-\u001f\u007f]|^\s|[\s\\]$/.test(value);
}
