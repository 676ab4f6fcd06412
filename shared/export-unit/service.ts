import type { RunDraft } from "../run-line/draft.ts";
import { type UnitLine, unitText } from "./unit-words.ts";

/** Seconds that docker and podman give a container to stop, unless told otherwise. */
const defaultGrace = 10;
/** Seconds that systemd waits beyond that before it kills what is left. */
const beyondGrace = 30;
/** Seconds: an image may have to be pulled first, for which systemd's 90 are not enough. */
const startTimeout = 900;
/** Seconds between an end and the next start: systemd's own 0.1 makes it give up after a second. */
const restartDelay = 2;

/** `[Unit]`: what it is, when it is due, and how often it may be started. */
export function unitLines(
  { name, restart }: RunDraft,
  image: string,
  after: readonly string[],
): UnitLine[] {
  const limit: UnitLine[] =
    restart.maximumRetries === undefined
      ? [["StartLimitIntervalSec", "0"]]
      : [
          ["StartLimitIntervalSec", "infinity"],
          ["StartLimitBurst", String(restart.maximumRetries + 1)],
        ];
  return [
    ["Description", unitText(`Container ${name ?? ""} of ${image}`).replaceAll("\n", " ")],
    ...(after.length > 0
      ? ([
          ["Wants", after.join(" ")],
          ["After", after.join(" ")],
        ] as UnitLine[])
      : []),
    ...(restart.name === "no" ? [] : limit),
  ];
}

/** `[Service]`, for what systemd does with it: restarts and patience. */
export function serviceLines({ restart, stopGraceSeconds }: RunDraft): UnitLine[] {
  const policy = restart.name === "unless-stopped" ? "always" : restart.name;
  return [
    ["Restart", policy],
    ...(policy === "no" ? [] : ([["RestartSec", String(restartDelay)]] as UnitLine[])),
    ["TimeoutStartSec", String(startTimeout)],
    ["TimeoutStopSec", String((stopGraceSeconds ?? defaultGrace) + beyondGrace)],
  ];
}

/** `[Install]`: with the machine, or when the user's services start. */
export const installLines = (user: boolean): UnitLine[] => [
  ["WantedBy", user ? "default.target" : "multi-user.target"],
];
