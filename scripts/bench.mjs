import { rm, writeFile } from "node:fs/promises";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build as bundle } from "vite";
import { build } from "./lib/build.mjs";
import { runMain, UserError } from "./lib/console.mjs";
import { exists } from "./lib/exec.mjs";
import { OrdinaryUser } from "./lib/ordinary-user.mjs";
import { installMissing } from "./lib/packages.mjs";
import { root } from "./lib/places.mjs";
import { setUp } from "./lib/set-up.mjs";

/** Of a network namespace of its own. pasta wants an interface that leads out; nobody is at this one's other end. */
const links = [
  "ip link set lo up",
  "ip link add uplink type veth peer name beyond",
  "ip link set beyond up",
  "ip link set uplink up",
  "ip address add 192.0.2.2/24 dev uplink",
  "ip route add default via 192.0.2.1",
];

/** `npm run bench -- lifecycle | memory | shims | pull | snapshot | network`: see bench/main.ts. Installs the peers, and builds, first. */
await runMain(async () => {
  if (process.getuid?.() !== 0) {
    throw new UserError("The bench starts a dockerd of its own: run it as root.");
  }
  const { env } = await setUp({ electron: false });
  await withoutServices(() =>
    installMissing([
      {
        name: "docker",
        files: ["/usr/sbin/dockerd", "/usr/bin/dockerd"],
        apt: ["docker.io"],
        dnf: ["moby-engine"],
      },
      { name: "podman", commands: ["podman"], apt: ["podman"], dnf: ["podman"] },
      ...["docker-registry", "skopeo", "umoci", "slirp4netns"].map((name) => ({
        ...{ name, commands: [name], apt: [name], dnf: [name] },
      })),
    ]),
  );
  await build();
  await bundle({
    configFile: false,
    root,
    publicDir: false,
    logLevel: "warn",
    ssr: { noExternal: ["zod"] },
    build: {
      ssr: "bench/main.ts",
      target: "node20",
      outDir: "dist/bench",
      emptyOutDir: true,
      minify: false,
    },
  });
  // The terminal sends SIGINT to both; the child tidies up and then ends.
  process.on("SIGINT", () => {});
  const argv = [process.execPath, join(root, "dist/bench/main.js"), ...process.argv.slice(2)];
  if (process.argv[2] !== "network") return show(argv, env);
  // docker's and podman's rules are not for this machine.
  const apart = ["unshare", "--net", "sh", "-c", `${links.join(" && ")} && exec "$@"`, "sh"];
  const user = await OrdinaryUser.make();
  try {
    // As bench/ordinary-user.ts reads it.
    const told = {
      uid: user.uid,
      as: user.command([]),
      headless: user.node("dist/headless/main.js"),
    };
    return await show([...apart, ...argv], { ...env, SHIMYARD_BENCH_USER: JSON.stringify(told) });
  } finally {
    await user.remove();
  }
});

/**
 * @param {string[]} argv
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} exit status
 */
function show([file = "", ...args], env) {
  return new Promise((done) => {
    const child = spawn(file, args, {
      cwd: root,
      env: { ...env, NODE_ENV: "production" },
      stdio: "inherit",
    });
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    child.on("close", (code) => done(code ?? 1));
  });
}

/**
 * Debian starts a daemon when it is installed, unless policy-rc.d(8) forbids it. The bench has one of
 * its own.
 * @param {() => Promise<void>} install
 */
async function withoutServices(install) {
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !(await exists(policy)) && (await exists("/usr/sbin/invoke-rc.d"));
  if (ours) await writeFile(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await install();
  } finally {
    if (ours) await rm(policy);
  }
}
