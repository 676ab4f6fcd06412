/**
 * What Shimyard needs of the system, as facts that can be looked up (a command, a shared library, a
 * file), each with the packages that bring it: the first that the distribution has is installed.
 *
 * @typedef {object} Requirement
 * @property {string} name what the user is told is missing
 * @property {string[]} [commands] any one of them will do
 * @property {boolean} [isStatic] the command must not need shared libraries
 * @property {string} [library] soname
 * @property {string[]} [files] any one of them will do
 * @property {string[]} apt Debian's and Ubuntu's names for the package; newer suites say ...t64
 * @property {string[]} dnf Fedora's packages
 * @property {string} [without] what is lost where apt knows no package, a sentence; absent: there is no going without
 * @property {boolean} [optional] only root gets it, and only where a package is known; else tests skip what needs it
 */

/**
 * @param {string} name
 * @param {string[]} apt
 * @param {string[]} [dnf]
 * @returns {Requirement}
 */
const command = (name, apt, dnf = apt) => ({ name, commands: [name], apt, dnf });

/**
 * @param {string} library
 * @param {string[]} apt
 * @param {string} dnf
 * @returns {Requirement}
 */
const library = (library, apt, dnf) => ({ name: library, library, apt, dnf: [dnf] });

/** For the containers themselves. */
export const core = [
  command("conmon", ["conmon"]),
  command("runc", ["runc"]),
  command("crun", ["crun"]),
  {
    name: "busybox (static)",
    commands: ["busybox"],
    isStatic: true,
    apt: ["busybox-static"],
    dnf: ["busybox"],
  },
  command("newuidmap", ["uidmap"], ["shadow-utils"]),
  command("unshare", ["util-linux"]),
  command("ip", ["iproute2"], ["iproute"]),
  command("nft", ["nftables"]),
  {
    ...command("conntrack", ["conntrack"], ["conntrack-tools"]),
    without: "Who sends by UDP all the time reaches a container that has come since late.",
  },
  {
    // Debian 11 and Ubuntu 22.04 have neither this nor pasta.
    name: "aardvark-dns",
    without: "Containers find each other by address only.",
    files: ["/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns"],
    apt: ["aardvark-dns"],
    dnf: ["aardvark-dns"],
  },
  {
    ...command("pasta", ["passt"]),
    without: "An ordinary user's containers reach nothing but each other.",
  },
  {
    name: "the seccomp profile of containers-common",
    files: ["/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json"],
    apt: ["golang-github-containers-common"],
    dnf: ["containers-common"],
  },
  command("catatonit", ["catatonit"]),
  command("perl", ["perl-base"], ["perl-interpreter"]),
  command("tar", ["tar"]),
  command("xz", ["xz-utils"], ["xz"]),
  command("bzip2", ["bzip2"]),
  command("zstd", ["zstd"]),
];

/** What criu holds a container's network still with. Only root makes checkpoints. */
export const checkpoints = [command("iptables-restore", ["iptables"], ["iptables-nft"])];

/** What crun calls criu by, where it was built to. */
export const crunCheckpoints = library("libcriu.so.2", ["libcriu2"], "criu-libs");

/** What Electron's binary loads, and a few that it opens later by name. */
export const electronLibraries = [
  command("unzip", ["unzip"]),
  library("libgtk-3.so.0", ["libgtk-3-0", "libgtk-3-0t64"], "gtk3"),
  library("libnss3.so", ["libnss3"], "nss"),
  library("libasound.so.2", ["libasound2", "libasound2t64"], "alsa-lib"),
  library("libgbm.so.1", ["libgbm1"], "mesa-libgbm"),
  library("libXss.so.1", ["libxss1"], "libXScrnSaver"),
  library("libXtst.so.6", ["libxtst6"], "libXtst"),
  library("libatk-bridge-2.0.so.0", ["libatk-bridge2.0-0", "libatk-bridge2.0-0t64"], "at-spi2-atk"),
  library("libatspi.so.0", ["libatspi2.0-0", "libatspi2.0-0t64"], "at-spi2-core"),
  library("libcups.so.2", ["libcups2", "libcups2t64"], "cups-libs"),
  library("libdrm.so.2", ["libdrm2"], "libdrm"),
  library("libxkbcommon.so.0", ["libxkbcommon0"], "libxkbcommon"),
  library("libXcomposite.so.1", ["libxcomposite1"], "libXcomposite"),
  library("libXdamage.so.1", ["libxdamage1"], "libXdamage"),
  library("libXrandr.so.2", ["libxrandr2"], "libXrandr"),
  library("libudev.so.1", ["libudev1"], "systemd-libs"),
  library("libnotify.so.4", ["libnotify4"], "libnotify"),
];

/** What the unit tests use. */
export const unitTests = [command("openssl", ["openssl"])];

/** What the other tests use besides: a screen that nobody looks at, and a browser. */
export const tests = [
  ...unitTests,
  command("Xvfb", ["xvfb"], ["xorg-x11-server-Xvfb"]),
  command("xauth", ["xauth"], ["xorg-x11-xauth"]),
  {
    name: "Chromium",
    commands: ["chromium", "chromium-browser"],
    apt: ["chromium", "chromium-browser"],
    dnf: ["chromium"],
  },
  command("ps", ["procps"], ["procps-ng"]),
  // For the terminals and file systems of the stand-in for Windows' shim.
  command("script", ["bsdutils"], ["util-linux-script", "util-linux"]),
  command("mount", ["mount"], ["util-linux"]),
  // Its shim, and its daemon: tests start one of their own. dockerd is used where it is, and not installed: Debian's
  // docker.io starts it.
  command("containerd-shim-runc-v2", ["containerd"], ["containerd"]),
  // Registries to pull from and push to, and somebody else who does so.
  command("docker-registry", ["docker-registry"]),
  command("skopeo", ["skopeo"]),
  { ...command("buildah", ["buildah"]), optional: true },
  { ...command("runsc", ["runsc"]), optional: true },
  // Unpacks images the way ours are compared with; capabilities and attributes of the files in them.
  { ...command("umoci", ["umoci"]), optional: true },
  command("setcap", ["libcap2-bin"], ["libcap"]),
  command("getfattr", ["attr"]),
];

/** For building criu where the distribution's does not work on this kernel. */
export const criuBuild = [
  "gcc",
  "make",
  "libc6-dev",
  "pkg-config",
  "libprotobuf-dev",
  "libprotobuf-c-dev",
  "protobuf-compiler",
  "protobuf-c-compiler",
  "python3-protobuf",
  "libnl-3-dev",
  "libcap-dev",
  "libnet1-dev",
  "libbsd-dev",
  "libnftables-dev",
  "libgnutls28-dev",
  "uuid-dev",
  "libaio-dev",
  "xz-utils",
];

/** For building mkfs.erofs where the distribution's is too old. */
export const erofsBuild = [
  "gcc",
  "make",
  "libc6-dev",
  "pkg-config",
  "autoconf",
  "automake",
  "libtool",
];
