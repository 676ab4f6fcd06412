/** What a container can't be given here, and what is done instead: by flag, why. */

const unhealthy = "An unhealthy container is shown, and nothing is done to it";
const startup = "Give a start period, and how often it is checked in it";
const ids = "Write the ids themselves, with --uidmap";
const variant = "The image is taken as it is here: pull it for that platform";
const pods = "There are no pods here: put the containers in one network";
const realTime = "Real-time scheduling can't be given here";
const volumes = "Volumes of others can't be shared: name the directories";

export const lostFlags: Record<"withValue" | "without", Record<string, string>> = {
  withValue: {
    annotation: "Annotations are not kept here: use labels",
    ...{ arch: variant, os: variant, variant, platform: variant },
    "cgroup-conf": "Cgroup files can't be written here: use the limits",
    "cgroup-parent": "Its cgroup is under Shimyard's own",
    cgroups: "It has a cgroup of its own here",
    chrootdirs: "Only / has the files of its network",
    "cpu-period": "Give the CPUs: the quota divided by the period",
    "cpu-quota": "Give the CPUs: the quota divided by the period",
    ...{ "cpu-rt-period": realTime, "cpu-rt-runtime": realTime },
    "device-cgroup-rule": "Name the devices themselves",
    "env-file": "Read the file, or paste its lines",
    ...{ "label-file": "Paste its lines as labels", "env-merge": "Write the whole value here" },
    ...{ subgidname: ids, subuidname: ids },
    "group-entry": "Write it into the image's /etc/group",
    ...{ "health-on-failure": unhealthy, "health-startup-cmd": startup },
    ...{ "health-startup-interval": startup, "health-startup-retries": startup },
    ...{ "health-startup-success": startup, "health-startup-timeout": startup },
    "hosts-file": "Its /etc/hosts is written here: give extra hosts",
    hostuser: "Users of the machine are not taken over",
    "image-volume": "What the image keeps is in a volume without a name",
    "init-ctr": pods,
    "intel-rdt-closid": "Cache and memory bandwidth can't be given here",
    link: "Put both containers in one network: they find each other by name",
    "link-local-ip": "Link-local addresses can't be given here",
    "memory-swappiness": "How readily it is swapped out can't be set here",
    "passwd-entry": "Write it into the image's /etc/passwd",
    personality: "It has the machine's own",
    ...{ pod: pods, "pod-id-file": pods },
    ...{
      "preserve-fd": "It begins with three descriptors",
      "preserve-fds": "It begins with three",
    },
    requires: "Start what it needs first",
    runtime: "Choose it under Runtime",
    "seccomp-policy": "Give a profile, or none",
    secret: "Give it as a file: mount the directory",
    "shm-size-systemd": "systemd is run as any other program",
    "storage-opt": "How large its files may get can't be limited here",
    systemd: "systemd is run as any other program",
    timeout: "It runs until it is stopped",
    tz: "Give the variable TZ",
    umask: "It is 0022",
    unsetenv: "The image's variables stay: give another value",
    "volume-driver": volumes,
    "volumes-from": volumes,
  },
  without: {
    "env-host": "The machine's variables are not taken over",
    "no-hosts": "Its /etc/hosts is written here",
    "no-hostname": "Its /etc/hostname is written here",
    "oom-kill-disable": "Give a lower OOM score",
    "publish-all": "Publish the ports that you need",
    replace: "Delete the other container first",
    rmi: "The image stays until it is deleted",
    rootfs: "Import the directory as an image",
    "unsetenv-all": "The image's variables stay: give other values",
    "use-api-socket": "There is no daemon to talk to",
  },
};

const results = "The last results of its checks are always kept and shown";
const log = "What it writes is always kept and shown";
const foreground = "It always runs in the background: attach to it when you like";
const windows = "It is for Windows containers";
const pulling = "The image is pulled when it is not here, as its registry is set up";

/** Without these the container is the same. */
export const vainFlags: Record<"withValue" | "without", Record<string, string>> = {
  withValue: {
    attach: foreground,
    ...{ authfile: pulling, "cert-dir": pulling, creds: pulling, "decryption-key": pulling },
    ...{ cidfile: "Its id is shown and can be copied", "conmon-pidfile": "Its shim is shown" },
    ...{ "cpu-count": windows, "cpu-percent": windows, "io-maxbandwidth": windows },
    ...{ "io-maxiops": windows, isolation: windows },
    "detach-keys": foreground,
    ...{ "health-log-destination": results, "health-max-log-count": results },
    "health-max-log-size": results,
    expose: "Containers of one network reach every port of each other",
    "init-path": "The machine's own init is taken",
    "kernel-memory": "The kernel counts it with the memory",
    ...{ "log-driver": log, "log-opt": log },
    pidfile: "Its process is shown",
    pull: pulling,
    ...{ retry: pulling, "retry-delay": pulling },
    sdnotify: "Nothing waits to be told that it is ready",
  },
  without: {
    "disable-content-trust": pulling,
    help: "This page helps",
    "http-proxy": "The machine's proxies are not passed on",
    passwd: "Users are those of the image",
    quiet: pulling,
    "read-only-tmpfs": "Give the temporary file systems that it needs",
    "sig-proxy": foreground,
    "tls-verify": pulling,
  },
};
