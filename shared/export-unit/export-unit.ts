import { quoteShellWords } from "../base/shell-words.ts";
import type { RunDraft, RunNote } from "../run-line/draft.ts";
import { flagGroups, runNotes, withoutIdmaps } from "../run-line/write-run-line.ts";
import { podmanFlags } from "./podman-flags.ts";
import { writeQuadlet } from "./quadlet.ts";
import { installLines, serviceLines, unitLines } from "./service.ts";
import { unitCommand, unitFile, unitWords } from "./unit-words.ts";

/** `quadlet`: podman's own form, from 4.9 on. The others are systemd units that call the program. */
export type UnitForm = "quadlet" | "podman" | "docker";

export interface ExportedUnit {
  fileName: string;
  /** Where it belongs on a machine. */
  directory: string;
  text: string;
  /** What of the container it can't say, or says another way. */
  notes: RunNote[];
  /** For a shell, in order, once the file is there. */
  commands: string[];
}

export interface UnitOptions {
  form: UnitForm;
  /** For the services of a user, not of the machine. */
  user: boolean;
  /** Absolute, of podman or docker; a Quadlet file needs none. */
  program?: string | undefined;
}

/**
 * A container as a unit that systemd starts, and starts again, whether or not this app runs. Made anew at each start, as
 * all of these are: what it wrote beside its mounts is gone then.
 */
export function exportUnit(draft: RunDraft, image: string, options: UnitOptions): ExportedUnit {
  const { form, user } = options;
  const base = `container-${draft.name ?? "unnamed"}`;
  const named = { ...draft, name: draft.name ?? base };
  const full = fullReference(image);
  const systemctl = user ? "systemctl --user" : "systemctl";
  const service = quoteShellWords([`${base}.service`]);
  const linger = user ? ["loginctl enable-linger"] : [];
  const quadlet = form === "quadlet";
  const { text, notes } = quadlet
    ? writeQuadlet(named, full, user)
    : form === "podman"
      ? podmanService(named, full, options)
      : dockerService(named, full, options);
  return {
    fileName: quadlet ? `${base}.container` : `${base}.service`,
    directory: directories[quadlet ? "quadlet" : "systemd"][user ? "user" : "machine"],
    text,
    notes: [...notes, ...restartNotes(draft)],
    commands: [
      `${systemctl} daemon-reload`,
      // What podman generates has been enabled by its [Install] section.
      `${systemctl} ${quadlet ? "start" : "enable --now"} ${service}`,
      ...linger,
    ],
  };
}

const directories = {
  quadlet: { machine: "/etc/containers/systemd", user: "~/.config/containers/systemd" },
  systemd: { machine: "/etc/systemd/system", user: "~/.config/systemd/user" },
};

/** podman, which needs no daemon: conmon tells systemd that the container runs, and is its main process. */
function podmanService(draft: RunDraft, image: string, { user, program }: UnitOptions) {
  const podman = program ?? "/usr/bin/podman";
  const own: RunDraft = { ...draft, restart: { name: "no" }, autoRemove: undefined };
  const { groups, notes } = podmanFlags(own);
  // %t is systemd's: these are not words of the container's.
  const id = "--cidfile=%t/%n.ctr-id";
  const run = unitCommand([...groups, [image, ...draft.args]]);
  const text = unitFile([
    ["Unit", unitLines(draft, image, user ? [] : ["network-online.target"])],
    [
      "Service",
      [
        ...([
          ["Type", "notify"],
          ["NotifyAccess", "all"],
        ] as [string, string][]),
        ["Environment", "PODMAN_SYSTEMD_UNIT=%n"],
        [
          "ExecStart",
          `${unitWords([podman, "run", "-d", "--rm", "--replace", "--sdnotify=conmon", "--cgroups=no-conmon"])} ${id} \\\n    ${run}`,
        ],
        ["ExecStop", `${unitWords([podman, "stop", "--ignore"])} ${id}`],
        ["ExecStopPost", `${unitWords([podman, "rm", "-f", "--ignore"])} ${id}`],
        ...serviceLines(draft),
      ],
    ],
    ["Install", installLines(user)],
  ]);
  return { text, notes };
}

/** docker, whose daemon holds the container: the unit waits for it as long as it runs. */
function dockerService(draft: RunDraft, image: string, { user, program }: UnitOptions) {
  const docker = program ?? "/usr/bin/docker";
  const name = draft.name ?? "";
  const own: RunDraft = { ...draft, restart: { name: "no" }, autoRemove: undefined };
  const [entry, ...entryArgs] = draft.entrypoint ?? [];
  const create = unitCommand([
    [docker, "create"],
    ...flagGroups(withoutIdmaps(own)),
    ...(draft.entrypoint ? [["--entrypoint", entry ?? ""]] : []),
    [image, ...entryArgs, ...draft.args],
  ]);
  // A user's units can't wait for the machine's.
  const after = user ? [] : ["docker.service", "network-online.target"];
  const text = unitFile([
    ["Unit", unitLines(draft, image, after)],
    [
      "Service",
      [
        ["ExecStartPre", `-${unitWords([docker, "rm", "-f", name])}`],
        ["ExecStartPre", create],
        ["ExecStart", unitWords([docker, "start", "--attach", name])],
        ["ExecStop", unitWords([docker, "stop", name])],
        ["ExecStopPost", `-${unitWords([docker, "rm", "-f", name])}`],
        ...serviceLines(draft),
      ],
    ],
    ["Install", installLines(user)],
  ]);
  return { text, notes: runNotes(own, "docker") };
}

function restartNotes({ restart }: RunDraft): RunNote[] {
  const flag = `--restart ${restart.name}`;
  if (restart.name === "unless-stopped") {
    const reason = "systemd starts it with the machine also when it was stopped: disable it then";
    return [{ flag, reason, lost: false }];
  }
  if (restart.maximumRetries === undefined) return [];
  const reason = "systemd counts starts by hand too: reset-failed begins anew";
  return [{ flag: `${flag}:${restart.maximumRetries}`, reason, lost: false }];
}

/** docker's rule for short names, which podman would ask about and a service can't answer. */
function fullReference(image: string): string {
  const [first = "", ...rest] = image.split("/");
  if (rest.length > 0 && (/[.:]/.test(first) || first === "localhost")) return image;
  return rest.length > 0 ? `docker.io/${image}` : `docker.io/library/${image}`;
}
