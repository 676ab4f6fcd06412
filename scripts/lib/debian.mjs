import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "./console.mjs";
import { exists, must, run } from "./exec.mjs";

/** Where the package debian-archive-keyring puts Debian's keys. */
const debianKeys = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * The Debian mirror that this machine's own package sources name.
 * @returns {Promise<string | undefined>}
 */
export async function debianMirror() {
  const { stdout } = await run("apt-get", [
    "indextargets",
    "--format",
    "$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)",
    "Created-By: Packages",
  ]);
  return parseMirror(stdout);
}

/**
 * @param {string} text lines of origin, label, component and URI
 * @returns {string | undefined} the URI of Debian's main archive; that of security has another label
 */
export function parseMirror(text) {
  const line = text.split("\n").find((candidate) => candidate.startsWith("Debian Debian main "));
  return line?.split(" ")[3];
}

/**
 * Options that make apt work in a directory of its own, with another suite: nothing in /etc/apt or /var/lib/apt
 * changes. apt checks the suite's signature, and what it downloads against it.
 * @param {{ mirror: string, suite: string, types: "deb" | "deb-src", work: string }} source
 * @returns {Promise<string[]>} what comes before apt-get's command
 */
export async function separateApt({ mirror, suite, types, work }) {
  const apt = join(work, "apt");
  await mkdir(join(apt, "lists/partial"), { recursive: true });
  await mkdir(join(apt, "archives/partial"), { recursive: true });
  await mkdir(join(apt, "sources"));
  const signedBy = (await exists(debianKeys)) ? `Signed-By: ${debianKeys}\n` : "";
  await writeFile(
    join(apt, "sources/debian.sources"),
    `Types: ${types}\nURIs: ${mirror}\nSuites: ${suite}\nComponents: main\n${signedBy}`,
  );
  return [
    "Dir::Etc::SourceList=/dev/null",
    `Dir::Etc::SourceParts=${join(apt, "sources")}`,
    `Dir::State::Lists=${join(apt, "lists")}`,
    `Dir::Cache=${apt}`,
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
}

/**
 * Downloads the upstream tarball of a source package into `work`.
 * @param {{ mirror: string, suite: string, work: string, name: string }} source
 */
export async function fetchSource({ mirror, suite, work, name }) {
  const options = await separateApt({ mirror, suite, types: "deb-src", work });
  const failure = `${name}'s source could not be had from Debian ${suite} at ${mirror}.`;
  await must("apt-get", [...options, "update"], { failure });
  await must("apt-get", [...options, "source", "--download-only", "--tar-only", name], {
    cwd: work,
    failure,
  });
  const found = (await readdir(work))
    .map((file) => /^(.+)_(.+)\.orig\.tar\.\w+$/.exec(file))
    .find((match) => match?.[1] === name);
  if (!found?.[2]) throw new UserError(failure);
  return { tarball: found[0], version: found[2] };
}
