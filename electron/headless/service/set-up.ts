import { access, readFile, stat } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type Paths, resolvePaths } from "#core/host/paths";
import { quoteShellWords } from "#shared/base/shell-words";
import type { ServiceSetUp, SetUpStep } from "#shared/contract/shell";

export const unitName = "shimyard-manager";
export const defaultGroup = "shimyard";

/** systemd.unit(5): where units of the system lie, what the administrator wrote first. */
const unitDirs = [
  "/etc/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** Where the machine's manager listens; SHIMYARD_SOCKET says otherwise. Beside root's state, which only root may enter. */
export function serviceSocket(env: NodeJS.ProcessEnv = process.env): string {
  return env.SHIMYARD_SOCKET || "/run/shimyard.sock";
}

/** What lets a user in, and makes the group where there is none. */
export function joinGroup(group: string, user: string): string {
  return `sudo groupadd --system --force ${group} && sudo usermod --append --groups ${group} ${user}`;
}

export async function isInstalled(): Promise<boolean> {
  const found = await Promise.all(unitDirs.map((dir) => exists(join(dir, `${unitName}.service`))));
  return found.includes(true);
}

/** `dist`: this build; `paths`: of the manager that the window has of its own. */
export async function describeSetUp(dist: string, paths: Paths): Promise<ServiceSetUp> {
  const program = join(dist, "headless/service.js");
  const [installed, booted, unit, shared] = await Promise.all([
    isInstalled(),
    // sd_booted(3)
    exists("/run/systemd/system"),
    readFile(join(dist, `../assets/${unitName}.service`), "utf8"),
    // What is in an archive has no owner of its own.
    stat(dist.includes(".asar") ? process.execPath : program).then(
      ({ uid }) => uid !== 0,
      () => false,
    ),
  ]);
  const { uid, username } = userInfo();
  const argv = [process.execPath, program, "--socket", serviceSocket()];
  const warning = shared ? ". Who can change this build is root of the machine then" : "";
  const { APPIMAGE: image } = process.env;
  const install: SetUpStep = image
    ? {
        kind: "install",
        title:
          "Unpack it for good, and open the window from there: an AppImage is gone when it ends",
        command: quoteShellWords([image, "--appimage-extract"]),
      }
    : {
        kind: "install",
        title: `Install it${warning}`,
        command: [
          `sudo tee /etc/systemd/system/${unitName}.service >/dev/null <<'END'`,
          `${unitFor(unit, argv, process.env)}END`,
          "sudo systemctl daemon-reload",
        ].join("\n"),
      };
  const start: SetUpStep = {
    kind: "start",
    title: "Start it, now and at every boot",
    command: `sudo systemctl enable --now ${unitName}`,
  };
  const byHand: SetUpStep = {
    kind: "start",
    title: `No systemd runs here: have this run as root by what starts services on this machine${warning}`,
    command: quoteShellWords([
      ...["env", "ELECTRON_RUN_AS_NODE=1"],
      ...[...toolVariables(process.env), ...argv],
    ]),
  };
  const membership: SetUpStep = {
    kind: "join",
    title: `Let ${username} use it`,
    command: joinGroup(defaultGroup, username),
  };
  return {
    socket: serviceSocket(),
    group: defaultGroup,
    installed,
    same: paths.data === resolvePaths({}, 0, "/root").data,
    steps: [
      ...(booted ? [...(installed ? [] : [install]), start] : [byHand]),
      ...(uid === 0 ? [] : [membership]),
    ],
    remove: `sudo systemctl disable --now ${unitName}`,
  };
}

/** What this build was given to run with, NAME=VALUE. */
function toolVariables(env: NodeJS.ProcessEnv): string[] {
  return ["SHIMYARD_CRIU", "SHIMYARD_MKFS_EROFS"].flatMap((name) =>
    env[name] ? [`${name}=${env[name]}`] : [],
  );
}

/** The unit that comes with the package, made to run another build, with the tools that this one was given. */
export function unitFor(unit: string, argv: string[], env: NodeJS.ProcessEnv): string {
  const tools = toolVariables(env).map((variable) => `Environment=${unitWord(variable)}\n`);
  // systemd.service(5), "COMMAND LINES": `$$` is a dollar; in Environment= it needs no such care.
  const words = argv.map((word) => unitWord(word.replaceAll("$", () => "$$")));
  return unit.replace(/^ExecStart=.*\n/m, () => `${tools.join("")}ExecStart=${words.join(" ")}\n`);
}

/** systemd.syntax(7), "QUOTING", and systemd.unit(5), "SPECIFIERS": quoted where it is no plain word. */
function unitWord(word: string): string {
  const escaped = word.replaceAll("%", "%%");
  return /^[\w@%+=:,./$-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replace(/["\\]/g, (mark) => `\\${mark}`)}"`;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
