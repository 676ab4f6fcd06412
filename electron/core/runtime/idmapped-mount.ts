import { dirname } from "node:path";
import type { RootfsMount } from "./runtime.ts";

/** perl-base is on every Debian, and mount(8) maps ids only since util-linux 2.39. */
export const perl = "/usr/bin/perl";

/**
 * Mounts an overlay as a user namespace sees it, with what is on disk owned as if there was none: its layers and its
 * upper directory are mounted with ids mapped (mount_setattr(2); layers since Linux 5.19), and who mounts the overlay
 * is to file systems the namespace's root, as whom overlayfs writes, but has all capabilities of this machine's.
 * The layers in a tmpfs that the overlay then covers, so that no directory is needed for any; the directory of `upper`
 * and `work` over itself, for as long as the overlay is being mounted, so that this has its paths. A /dev/null of the
 * shim's own, since crun (1.8.1) gives the one that it has for standard input, which is the machine's, to the container's
 * root. Arguments: maps of users and of groups, both as `inside outside size` apart by commas; the target; that
 * directory; the overlay's options, with layers by number; layers as `type:path` (`loop` is an EROFS image by its loop
 * device), topmost first;
 * what else is mapped as `bind:place:source`.
 */
const script = `
use strict;
my ($uids, $gids, $target, $own, $options, @layers) = @ARGV;
NAMESPACE
for my $bind (grep /^bind:/, @layers) {
  my (undef, $place, $source) = split /:/, $bind, 3;
  idmapped($source, $place);
}
@layers = grep !/^bind:/, @layers;
mount_at("tmpfs", $target, "tmpfs", 0, "size=1m,mode=755");
chdir $target or die "$target: $!\\n";
ok(syscall(NR_MKNODAT, -100, my $null = "null", 0x21b6, 0x103, 0), "mknod null");
chmod 0666, "null";
mount_at("$target/null", "/dev/null", "none", 0x1000, "");
my $count = 0;
for my $layer (@layers) {
  my ($type, $path) = split /:/, $layer, 2;
  mkdir $count; mkdir "file$count";
  if ($type eq "erofs") {
    mount_at($path, "file$count", "erofs", 1, "");
    $path = "file$count";
  }
  if ($type eq "loop") {
    system("/bin/mount", "-t", "erofs", "-o", "ro,loop", $path, "file$count") == 0 or exit 1;
    $path = "file$count";
  }
  idmapped($path, "$count");
  $count++;
}
idmapped($own, $own);
my ($uid) = grep defined, map { /^0 (\\d+) / ? $1 : undef } split /,/, $uids;
my ($gid) = grep defined, map { /^0 (\\d+) / ? $1 : undef } split /,/, $gids;
ok(syscall(NR_PRCTL, 28, 4, 0, 0, 0), "prctl");
syscall(NR_SETFSGID, 0 + $gid);
syscall(NR_SETFSUID, 0 + $uid);
mount_at("overlay", $target, "overlay", 0, $options);
ok(syscall(NR_UMOUNT2, $own, 2), "umount $own");
`;

/** Makes a user namespace of `$uids` and `$gids`, and what is mapped by it. */
const namespace = `
sub ok { my ($result, $what) = @_; die "$what: $!\\n" if $result < 0; $result }
pipe(my $mapped, my $tell_mapped) && pipe(my $there, my $tell_there) or die "pipe: $!\\n";
my $child = fork() // die "fork: $!\\n";
if (!$child) {
  close $tell_mapped;
  ok(syscall(NR_UNSHARE, 0x10000000), "unshare");
  syswrite $tell_there, "x";
  sysread $mapped, my $end, 1;
  exit 0;
}
close $mapped; close $tell_there;
sysread($there, my $word, 1) or die "no user namespace can be made\\n";
sub map_ids {
  my ($file, $map) = @_;
  open my $handle, ">", $file or die "$file: $!\\n";
  defined syswrite $handle, join("\\n", split(/,/, $map)) or die "ids can not be mapped as $map: $!\\n";
}
map_ids("/proc/$child/uid_map", $uids);
map_ids("/proc/$child/gid_map", $gids);
open my $namespace, "<", "/proc/$child/ns/user" or die "user namespace: $!\\n";
close $tell_mapped;
waitpid $child, 0;
sub mount_at {
  my ($what, $where, $type, $flags, $data) = @_;
  ok(syscall(NR_MOUNT, $what, $where, $type, $flags, $data), "mount $type $what");
}
sub mapped_tree {
  my ($what) = @_;
  my $tree = ok(syscall(NR_OPEN_TREE, -100, $what, 0x80001), "open_tree $what");
  my $attributes = pack "QQQQ", 0x100000, 0, 0, fileno $namespace;
  ok(syscall(NR_MOUNT_SETATTR, $tree, my $empty = "", 0x1000, $attributes, 32), "mount_setattr $what");
  return $tree;
}
sub idmapped {
  my ($what, $where) = @_;
  my $tree = mapped_tree($what);
  ok(syscall(NR_MOVE_MOUNT, $tree, my $empty = "", -100, $where, 4), "move_mount $what");
}
`;

/** asm/unistd.h: those up to 335 differ between architectures, those after are the same on all. */
const numbers: Partial<Record<NodeJS.Architecture, Record<string, number>>> = {
  x64: {
    MKNODAT: 259,
    UNSHARE: 272,
    MOUNT: 165,
    UMOUNT2: 166,
    PRCTL: 157,
    SETFSUID: 122,
    SETFSGID: 123,
  },
  arm64: {
    MKNODAT: 33,
    UNSHARE: 97,
    MOUNT: 40,
    UMOUNT2: 39,
    PRCTL: 167,
    SETFSUID: 151,
    SETFSGID: 152,
  },
};
const shared = { OPEN_TREE: 428, MOVE_MOUNT: 429, MOUNT_SETATTR: 442 };

/** Whether the system calls are known for this machine. */
export const canMapMounts = numbers[process.arch] !== undefined;

/** A shim that was started ahead takes a word a line. */
function program(text: string): string[] {
  const known = { ...numbers[process.arch], ...shared };
  const whole = text
    .replace("NAMESPACE", () => namespace)
    .replaceAll(/NR_([A-Z\d_]+)/g, (_, name: string) => String(known[name as keyof typeof known]));
  return [perl, "-e", whole.replaceAll(/\n\s*/g, " ").trim()];
}

/** argv that mounts it at `target`; `options` are the overlay's, with layers by their numbers from 0 on. */
export function idmappedMount(mount: RootfsMount, target: string, options: string): string[] {
  const { idmap, lower, upper = "" } = mount;
  return [
    ...[...program(script), idmap?.uids ?? "", idmap?.gids ?? ""],
    ...[target, dirname(upper), options],
    ...lower.map(({ type, path, loop }) => `${loop ? "loop" : type}:${path}`),
    ...(idmap?.binds ?? []).map(({ source, place }) => `bind:${place}:${source}`),
  ];
}

/** argv that fails where the file system of `path` can't map ids; nothing is mounted by it. */
export function idmapTrial(path: string): string[] {
  const ids = "0 65536 1";
  return [
    ...program("use strict; my ($uids, $gids, $path) = @ARGV; NAMESPACE mapped_tree($path);"),
    ids,
    ids,
    path,
  ];
}
