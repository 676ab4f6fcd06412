import type { LimitKind } from "#shared/contract/system";
import { Select } from "../../components/fields.tsx";
import { useLimitField } from "../container/limit-reasons.ts";
import { DeviceNames } from "./device-names.tsx";
import { EndingSection } from "./ending-section.tsx";
import { HealthSection } from "./health-section.tsx";
import { MountAdder } from "./mount-adder.tsx";
import { Lines, Section, type SectionProps, Switch, Text } from "./option-fields.tsx";
import type { OptionName } from "./options-form.ts";
import { RatesSection } from "./rates-section.tsx";
import { SharingSection } from "./sharing-section.tsx";

/** What few containers need, by what it is about. Closed, each says what was given in it. */
export function OptionSections(props: SectionProps) {
  const fieldOf = useLimitField();
  const limit = (name: OptionName, kind: LimitKind, hint: string) => ({
    name,
    ...fieldOf(kind, props.form[name] ?? "", hint),
  });
  return (
    <>
      <Section {...props} section="files" label="Files and devices">
        <Lines
          {...props}
          name="volume"
          label="Mounts"
          placeholder="/srv/www:/usr/share/www:ro"
          hint="A line each: a volume or a path of this machine, where it is seen, ro for reading alone, and idmap for the owners that its own users see"
        />
        <MountAdder
          lines={props.form.volume ?? ""}
          onLines={(volume) => props.set({ ...props.form, volume })}
          declared={props.image?.volumes ?? []}
        />
        <Lines
          {...props}
          name="tmpfs"
          label="tmpfs"
          placeholder="/run:size=64m,mode=1777"
          hint="Files in memory, which go when it stops, a line each"
        />
        <div className="create__two">
          <Lines
            {...props}
            name="device"
            label="Devices"
            placeholder="/dev/fuse"
            hint="Where else, and rwm, after colons; or by name"
          />
          <Text
            {...props}
            name="shm-size"
            label="Shared memory"
            placeholder="64m"
            hint="Size of /dev/shm"
          />
        </div>
        <DeviceNames {...props} />
        <Switch
          {...props}
          name="read-only"
          label="Read-only root file system"
          hint="Only what is mounted or in memory can be written."
        />
      </Section>
      <Section {...props} section="limits" label="More limits">
        <div className="create__three">
          <Text
            {...props}
            {...limit("memory-swap", "swap", "Together; -1: no limit")}
            label="Memory and swap"
            placeholder="as memory"
          />
          <Text
            {...props}
            {...limit("memory-reservation", "memory", "When memory is short")}
            label="Reserved memory"
            placeholder="none"
          />
          <Text
            {...props}
            name="oom-score-adj"
            label="OOM score adjustment"
            placeholder="0"
            hint="Higher is killed sooner"
          />
          <Text
            {...props}
            {...limit("cpu-shares", "cpu", "A weight")}
            label="CPU shares"
            placeholder="1024"
          />
          <Text
            {...props}
            {...limit("cpuset-cpus", "cpuset", "0-3,8")}
            label="CPU set"
            placeholder="all"
          />
          <Text
            {...props}
            {...limit("cpuset-mems", "cpuset", "0-1")}
            label="Memory nodes"
            placeholder="all"
          />
        </div>
        <div className="create__two">
          <Text
            {...props}
            name="ulimit"
            label="Ulimits"
            mono
            placeholder="nofile=1024:2048"
            hint="Of each process, apart by spaces"
          />
          <Text
            {...props}
            {...limit("blkio-weight", "io", "From 10 to 1000")}
            label="Block I/O weight"
            placeholder="500"
          />
        </div>
      </Section>
      <RatesSection {...props} />
      <Section {...props} section="security" label="Security">
        <Switch
          {...props}
          name="privileged"
          label="Privileged"
          hint="All capabilities and devices, no filter of system calls, nothing of /proc and /sys hidden: its root is as good as this machine’s."
        />
        <div className="create__two">
          <Text
            {...props}
            name="cap-add"
            label="Capabilities added"
            mono
            placeholder="NET_ADMIN SYS_TIME"
            hint="To those that docker gives; ALL is every one"
          />
          <Text
            {...props}
            name="cap-drop"
            label="Capabilities dropped"
            mono
            placeholder="ALL"
            hint="ALL: only those that are added"
          />
        </div>
        <div className="create__two">
          <Text
            {...props}
            name="group-add"
            label="Additional groups"
            mono
            placeholder="audio 44"
            hint="Of its image, or gids, apart by spaces"
          />
          <Text
            {...props}
            name="userns"
            label="User namespace"
            mono
            placeholder="auto"
            hint="auto, auto:size=65536, or ids as 0:100000:65536; its root is then nobody here"
          />
        </div>
        <Seccomp {...props} />
        <Lines
          {...props}
          name="sysctl"
          label="Sysctls"
          placeholder="net.core.somaxconn=1024"
          hint="Kernel settings that hold in it alone, a line each"
        />
        <Switch
          {...props}
          name="no-new-privileges"
          label="No new privileges"
          hint="No program in it gains rights, not even by setuid."
        />
        <Switch
          {...props}
          name="init"
          label="Init process"
          hint="A small one, which passes signals on and reaps what is left behind."
        />
      </Section>
      <HealthSection {...props} />
      <EndingSection {...props} />
      <SharingSection {...props} />
      <Section {...props} section="hosts" label="Hosts and DNS">
        <Text
          {...props}
          name="add-host"
          label="Extra hosts"
          mono
          placeholder="db:10.0.0.2"
          hint="Written into its /etc/hosts, apart by spaces"
        />
        <div className="create__three">
          <Text
            {...props}
            name="dns"
            label="DNS servers"
            mono
            placeholder="its network’s"
            hint="Instead of its network’s, which know other containers"
          />
          <Text
            {...props}
            name="dns-search"
            label="Search domains"
            mono
            placeholder="this machine’s"
          />
          <Text {...props} name="dns-option" label="DNS options" mono placeholder="ndots:2" />
        </div>
      </Section>
    </>
  );
}

function Seccomp(props: SectionProps) {
  const { form, set, errorOf } = props;
  const value = form.seccomp ?? "";
  const own = value !== "" && value !== "unconfined";
  return (
    <div className="create__two">
      <Select
        label="Seccomp"
        value={own ? "/" : value}
        onChange={(seccomp) => set({ ...form, seccomp })}
        options={[
          { value: "", label: "The usual profile" },
          { value: "/", label: "A profile of one’s own" },
          { value: "unconfined", label: "Off: every system call" },
        ]}
        error={own ? undefined : errorOf("security.seccomp")}
      />
      {own && (
        <Text
          {...props}
          name="seccomp"
          label="Profile"
          mono
          placeholder="/etc/profile.json"
          hint="On this machine, in docker’s format or OCI’s"
        />
      )}
    </div>
  );
}
