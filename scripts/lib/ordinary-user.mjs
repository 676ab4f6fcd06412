import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { must, run } from "./exec.mjs";
import { root } from "./places.mjs";

/** Where tests write; relative to the project. For the user each is a directory of its own. */
const written = ["dist", "test-results", "node_modules/.vite", "node_modules/.vite-temp"];

/** Of the environment, what names places of whoever made the user. */
const foreign = [
  ...["XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"],
  ...["SHIMYARD_CRIU", "SHIMYARD_MKFS_EROFS", "SHIMYARD_TEST_SHIM"],
];

/**
 * A user made for tests, with subordinate ids, and gone after them. Only root can make one.
 * Its processes see the project and Node at paths of its own, through mounts in their own namespace: a checkout in
 * root's home can't be read by anyone else.
 */
export class OrdinaryUser {
  /** @type {string} */
  name;
  /** @type {number} */
  uid;
  /** Its own; a root for the app may lie here. @type {string} */
  home;
  /** @type {string} */
  #view;
  /** What the user sees as the project. @type {string} */
  #project;

  /** @param {{ name: string, uid: number, home: string, view: string, project: string }} user */
  constructor({ name, uid, home, view, project }) {
    this.name = name;
    this.uid = uid;
    this.home = home;
    this.#view = view;
    this.#project = project;
  }

  static async make() {
    const base = await mkdtemp(join(tmpdir(), "shimyard-user-"));
    try {
      return await OrdinaryUser.#makeIn(base);
    } catch (error) {
      await rm(base, { recursive: true, force: true });
      throw error;
    }
  }

  /** @param {string} base */
  static async #makeIn(base) {
    await chmod(base, 0o755);
    const name = `shimyard-test-${process.pid}`;
    const home = join(base, "home");
    await must("useradd", ["--create-home", "--home-dir", home, "--shell", "/bin/sh", name]);
    if (!(await readFile("/etc/subuid", "utf8")).includes(`${name}:`)) {
      const range = "1000000000-1000065535";
      await must("usermod", ["--add-subuids", range, "--add-subgids", range, name]);
    }
    const uid = Number(await must("id", ["-u", name]));
    const view = join(base, "view");
    for (const part of ["project", "node", ...written.map((_, at) => `written/${at}`)]) {
      await mkdir(join(view, part), { recursive: true });
    }
    for (const [at, path] of written.entries()) {
      await mkdir(join(root, path), { recursive: true });
      await chown(join(view, `written/${at}`), uid, uid);
    }
    // Where udev runs everyone may open it; a machine without has to be made to look so.
    await must("mknod", ["--mode=666", join(view, "tun"), "c", "10", "200"]);
    const user = new OrdinaryUser({ name, uid, home, view, project: root });
    await user.#requireReadable(join(base, "copy"));
    return user;
  }

  /**
   * argv that runs Node on a file of the project as this user, who may write nothing of it.
   * @param {string} file relative to the project
   */
  node(file) {
    return this.command([join(this.#view, "node/node"), join(this.#view, "project", file)]);
  }

  /**
   * argv that runs a command of this system as this user, who may write nothing of the project. It begins where env(1)
   * still takes variables.
   * @param {string[]} argv
   */
  command(argv) {
    return this.#as(this.home, [], argv);
  }

  /**
   * argv that runs a tool of the project's node_modules in the project, as this user, who may write where tests do.
   * @param {string[]} command
   */
  tool([name = "", ...args]) {
    const project = join(this.#view, "project");
    const path = join(project, "node_modules/.bin", name);
    return this.#as(project, written, [join(this.#view, "node/node"), path, ...args]);
  }

  /** A file that a tool wrote, where whoever made the user finds it. @param {string} path relative to the project */
  wrote(path) {
    const at = written.findIndex((directory) => path.startsWith(`${directory}/`));
    return join(this.#view, `written/${at}`, path.slice((written[at]?.length ?? 0) + 1));
  }

  async remove() {
    await must("userdel", ["--force", this.name]);
    await rm(dirname(this.home), { recursive: true, force: true });
  }

  /**
   * @param {string} directory
   * @param {string[]} own what it may write of the project
   * @param {string[]} argv
   */
  #as(directory, own, argv) {
    const mounts = [
      'mount --bind "$1" "$3/project"',
      'mount --bind "$2" "$3/node"',
      ...own.map((path, at) => `mount --bind "$3/written/${at}" "$3/project/${path}"`),
      '{ [ ! -e /dev/net/tun ] || mount --bind "$3/tun" /dev/net/tun; }',
    ];
    return [
      ...["unshare", "--mount", "--propagation", "private", "sh", "-c"],
      ...[`${mounts.join(" && ")} && cd "$4" && shift 4 && exec "$@"`, "sh"],
      ...[this.#project, dirname(process.execPath), this.#view, directory],
      ...["setpriv", `--reuid=${this.name}`, `--regid=${this.name}`, "--init-groups"],
      ...["--inh-caps=-all", "--", "env", ...foreign.flatMap((name) => ["-u", name])],
      ...[`HOME=${this.home}`, `USER=${this.name}`, ...argv],
    ];
  }

  /**
   * A checkout that was made under a strict umask is of no use to anybody else even where it can be seen: then the
   * user gets a copy.
   * @param {string} copy
   */
  async #requireReadable(copy) {
    const readable = 'test -r "$0" && test -x "$1"';
    const files = ["package.json", "node_modules/vitest"].map((path) =>
      join(this.#view, "project", path),
    );
    const [command = "", ...args] = this.#as("/", [], ["sh", "-c", readable, ...files]);
    if ((await run(command, args)).status === 0) return;
    const skipped = [".git", ...written].map((path) => join(root, path));
    await cp(root, copy, { recursive: true, filter: (path) => !skipped.includes(path) });
    for (const path of written) await mkdir(join(copy, path), { recursive: true });
    await must("chmod", ["--recursive", "go+rX", copy]);
    this.#project = copy;
  }
}
