import { readdir } from "node:fs/promises";
import { say, step, UserError } from "./console.mjs";
import { exists, must, run, which } from "./exec.mjs";

/** @typedef {import("./requirements.mjs").Requirement} Requirement */

/** Another package manager may hold apt's lock: wait up to this many seconds for it. */
const lockTimeout = 300;

/**
 * The requirements that this system does not meet. Looks at files only: no package manager is asked.
 * @param {Requirement[]} requirements
 * @returns {Promise<Requirement[]>}
 */
export async function missing(requirements) {
  const libraries = requirements.some((requirement) => requirement.library)
    ? await sharedLibraries()
    : new Set();
  const met = await Promise.all(
    requirements.map(async ({ commands = [], files = [], library, isStatic = false }) => {
      if (library) return libraries.has(library);
      const found = await Promise.all([
        ...commands.map(async (name) => {
          const path = await which(name);
          return path !== undefined && (!isStatic || (await isStaticProgram(path)));
        }),
        ...files.map((file) => exists(file)),
      ]);
      return found.includes(true);
    }),
  );
  return requirements.filter((_, index) => !met[index]);
}

/**
 * Debian's busybox and busybox-static both are /bin/busybox; only the latter runs in an otherwise
 * empty image.
 * @param {string} path
 */
async function isStaticProgram(path) {
  const { status, output } = await run("ldd", [path], { env: { ...process.env, LC_ALL: "C" } });
  return status !== 0 || output.includes("statically linked");
}

/** @returns {Promise<Set<string>>} the sonames that the dynamic linker knows */
async function sharedLibraries() {
  const ldconfig = (await which("ldconfig")) ?? "ldconfig";
  const { stdout } = await run(ldconfig, ["-p"]);
  return new Set(stdout.split("\n").map((line) => line.trim().split(" ")[0] ?? ""));
}

/**
 * Installs what `requirements` lack; asks for a password only on a terminal, and only after saying
 * what for. Where it can't, it throws with the one command that the user can run.
 * @param {Requirement[]} requirements
 */
export async function installMissing(requirements) {
  const wanted = await withoutUnavailable(await missing(requirements));
  if (wanted.length === 0) return;
  const names = wanted.map(({ name }) => name).join(", ");
  if (await which("apt-get")) {
    await aptInstall(
      wanted.map(({ apt }) => apt),
      `This system lacks ${names}.`,
    );
    const still = await missing(wanted);
    if (still.length > 0) {
      throw new UserError(
        `apt-get installed everything, but still missing: ${still.map(({ name }) => name).join(", ")}.`,
      );
    }
    return;
  }
  const command = (await which("dnf"))
    ? await asRoot([`dnf install ${wanted.map(({ dnf }) => dnf[0]).join(" ")}`])
    : undefined;
  throw new UserError(
    `This system lacks ${names}. ` +
      (command
        ? `Install with:\n\n  ${command}\n\nand start again.`
        : "Install these with your distribution's package manager and start again."),
  );
}

/**
 * Says which of those that one can do without can't be had, and leaves them out.
 * @param {Requirement[]} requirements
 */
async function withoutUnavailable(requirements) {
  const spare = requirements.filter(({ optional, without }) => optional || without);
  if (spare.length === 0) return requirements;
  const isRoot = process.getuid?.() === 0;
  const apt = (await which("apt-get")) !== undefined;
  if (apt && isRoot && !(await hasLists())) await aptUpdate([]);
  const known = apt ? await candidates(spare.flatMap(({ apt: names }) => names)) : new Set();
  const asked = apt && (await hasLists());
  const unavailable = spare.filter(({ apt: names, optional }) => {
    if (optional && !isRoot) return true;
    return (optional || asked) && !names.some((name) => known.has(name));
  });
  for (const { name, optional, without } of unavailable) {
    say(
      optional
        ? `Not tested, because it is not installed: ${name}`
        : `This system's package sources have no ${name}. ${without}`,
    );
  }
  return requirements.filter((requirement) => !unavailable.includes(requirement));
}

/** Whether apt has ever been told what there is: images of systems come without. */
async function hasLists() {
  const names = await readdir("/var/lib/apt/lists").catch(() => []);
  return names.some((name) => /_Packages(\.\w+)?$/.test(name));
}

/**
 * Installs Debian packages, updating the package lists only when they don't know one of them or have
 * grown stale.
 * @param {string[][]} choices for each, the package names to choose from: the first that exists
 * @param {string} why one sentence, told before a password is asked for
 */
export async function aptInstall(choices, why) {
  const known = await candidates(choices.flat());
  const isT64 = (await run("dpkg-query", ["--show", "*t64"])).status === 0;
  const packages = choices.map((names) => chooseName(names, known, isT64));
  const complete = choices.every((names) => names.some((name) => known.has(name)));
  const privileged = await rootPrefix(
    `${why} Install with:\n\n  ${await asRoot([
      "apt-get update",
      `apt-get install --no-install-recommends ${packages.join(" ")}`,
    ])}\n\nand start again.`,
    why,
  );
  if (!complete) {
    await aptUpdate(privileged);
    const fresh = await candidates(choices.flat());
    packages.splice(
      0,
      packages.length,
      ...choices.map((names) => {
        const name = names.find((candidate) => fresh.has(candidate));
        if (name) return name;
        throw new UserError(
          `This system's package sources have no package ${names.join(" or ")}. Check /etc/apt.`,
        );
      }),
    );
  }
  await step(
    `Installing ${packages.length} system packages: ${packages.join(" ")}`,
    async (progress) => {
      const install = () => {
        const [command, ...args] = [
          ...privileged,
          ...["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y"],
          ...["-o", `DPkg::Lock::Timeout=${lockTimeout}`],
          ...["install", "--no-install-recommends", ...packages],
        ];
        return run(command ?? "", args, {
          onLine: (line) =>
            /^(Get:|Unpacking|Setting up)/.test(line) && progress(line.slice(0, 60)),
        });
      };
      let outcome = await install();
      // A list from last month names files that the mirror has replaced since.
      if (
        outcome.status !== 0 &&
        complete &&
        /404|Failed to fetch|Unable to fetch/.test(outcome.output)
      ) {
        await aptUpdate(privileged);
        outcome = await install();
      }
      if (outcome.status !== 0) {
        throw new UserError("apt-get could not install the packages above.", outcome.output);
      }
    },
  );
}

/**
 * The one of a package's names to ask for: the first that apt knows. Before its lists were fetched it knows none.
 * @param {string[]} names
 * @param {Set<string>} known
 * @param {boolean} isT64 the system has packages of the 64-bit time_t transition, which are named so
 * @returns {string}
 */
export function chooseName(names, known, isT64) {
  return (
    names.find((name) => known.has(name)) ??
    names.find((name) => name.endsWith("t64") === isT64) ??
    names[0] ??
    ""
  );
}

/**
 * One line for a person's shell that runs commands as root, by what there is here to become root.
 * @param {string[]} commands
 */
async function asRoot(commands) {
  if (process.getuid?.() === 0) return commands.join(" && ");
  return (await which("sudo"))
    ? commands.map((command) => `sudo ${command}`).join(" && ")
    : `su --login --command '${commands.join(" && ")}'`;
}

/** @param {string[]} privileged */
async function aptUpdate(privileged) {
  await step("Updating the package lists", async () => {
    const [command, ...args] = [
      ...privileged,
      ...["apt-get", "-o", `DPkg::Lock::Timeout=${lockTimeout}`, "update"],
    ];
    await must(command ?? "", args, { failure: "apt-get update failed." });
  });
}

/**
 * @param {string[]} packages
 * @returns {Promise<Set<string>>} those that apt could install
 */
async function candidates(packages) {
  const { stdout } = await run("apt-cache", ["policy", ...packages], {
    env: { ...process.env, LC_ALL: "C" },
  });
  return new Set(parseCandidates(stdout));
}

/**
 * @param {string} text what `apt-cache policy NAME...` printed
 * @returns {string[]} the names that have a candidate
 */
export function parseCandidates(text) {
  /** @type {string[]} */
  const names = [];
  let name = "";
  for (const line of text.split("\n")) {
    const heading = /^(\S+):$/.exec(line);
    if (heading) name = heading[1] ?? "";
    const candidate = /^ {2}Candidate: (\S+)/.exec(line);
    if (candidate && candidate[1] !== "(none)") names.push(name);
  }
  return names;
}

/** @type {Promise<string[]> | undefined} */
let prefix;

/**
 * What to put before a command so that it runs as root: nothing, or sudo. Asks at most once a run.
 * @param {string} otherwise what to tell the user when neither is possible
 * @param {string} why told before sudo asks for a password
 * @returns {Promise<string[]>}
 */
function rootPrefix(otherwise, why) {
  prefix ??= (async () => {
    if (process.getuid?.() === 0) return [];
    const sudo = await which("sudo");
    if (sudo && (await run(sudo, ["-n", "true"])).status === 0) return [sudo, "-n"];
    if (sudo && process.stdin.isTTY) {
      say(`${why} Installing them needs your password:`);
      if ((await run(sudo, ["-v"], { interactive: true })).status === 0) return [sudo];
    }
    throw new UserError(otherwise);
  })();
  return prefix;
}
