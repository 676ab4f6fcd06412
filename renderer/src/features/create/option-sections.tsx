import { healthDefaults, wholeHealthCheck } from "#shared/base/health-check";
import type { ImageConfig } from "#shared/contract/images";
import { healthWords } from "#shared/run-line/health";
import { durationText } from "#shared/run-line/values";
import { Disclosure } from "../../components/disclosure.tsx";
import { Checkbox, Field, Select, TextField } from "../../components/fields.tsx";
import { MountAdder } from "./mount-adder.tsx";
import {
  type OptionName,
  optionFields,
  optionNames,
  type OptionPath,
  type OptionSection,
  type OptionsForm,
  sectionSummary,
} from "./options-form.ts";

interface SectionProps {
  form: OptionsForm;
  set: (form: OptionsForm) => void;
  errorOf: (path: OptionPath) => string | undefined;
  image: ImageConfig | undefined;
}

/** What few containers need, by what it is about. Closed, each says what was given in it. */
export function OptionSections(props: SectionProps) {
  return (
    <>
      <Section {...props} section="files" label="Files and devices">
        <Lines
          {...props}
          name="volume"
          label="Mounts"
          placeholder="/srv/www:/usr/share/www:ro"
          hint="A line each: a volume or a path of this machine, where it is seen, and ro for reading alone"
        />
        <MountAdder
          lines={props.form.volume ?? ""}
          onLines={(volume) => props.set({ ...props.form, volume })}
          declared={props.image?.volumes ?? []}
        />
        <Lines
          {...props}
          name="tmpfs"
          label="In memory"
          placeholder="/run:size=64m,mode=1777"
          hint="Files that go when it stops, a line each"
        />
        <div className="create__two">
          <Lines
            {...props}
            name="device"
            label="Devices"
            placeholder="/dev/fuse"
            hint="Where else, and rwm, after colons"
          />
          <Text
            {...props}
            name="shm-size"
            label="Shared memory"
            placeholder="64m"
            hint="Size of /dev/shm"
          />
        </div>
        <Switch
          {...props}
          name="read-only"
          label="Its own files can’t be written"
          hint="Only what is mounted or in memory."
        />
      </Section>
      <Section {...props} section="limits" label="More limits">
        <div className="create__three">
          <Text
            {...props}
            name="memory-swap"
            label="Memory and swap"
            placeholder="as memory"
            hint="Together; -1: no limit"
          />
          <Text
            {...props}
            name="memory-reservation"
            label="Reserved memory"
            placeholder="none"
            hint="When memory is short"
          />
          <Text
            {...props}
            name="oom-score-adj"
            label="OOM score"
            placeholder="0"
            hint="Higher is killed sooner"
          />
          <Text
            {...props}
            name="cpu-shares"
            label="CPU shares"
            placeholder="1024"
            hint="A weight"
          />
          <Text {...props} name="cpuset-cpus" label="On CPUs" placeholder="all" hint="0-3,8" />
          <Text {...props} name="cpuset-mems" label="Memory nodes" placeholder="all" hint="0-1" />
        </div>
        <div className="create__two">
          <Text
            {...props}
            name="ulimit"
            label="Limits of each process"
            mono
            placeholder="nofile=1024:2048"
            hint="As ulimit has them, apart by spaces"
          />
          <Text
            {...props}
            name="blkio-weight"
            label="Block I/O"
            placeholder="500"
            hint="A weight from 10 to 1000"
          />
        </div>
      </Section>
      <Section {...props} section="security" label="Security">
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
        <Seccomp {...props} />
        <Lines
          {...props}
          name="sysctl"
          label="Kernel settings"
          placeholder="net.core.somaxconn=1024"
          hint="Those that hold in it alone, a line each"
        />
        <Switch
          {...props}
          name="no-new-privileges"
          label="No program in it gains rights"
          hint="Not even by setuid."
        />
        <Switch
          {...props}
          name="init"
          label="With a small init"
          hint="It passes signals on and reaps what is left behind."
        />
      </Section>
      <HealthSection {...props} />
      <Section {...props} section="ending" label="How it ends">
        <div className="create__two">
          <Text
            {...props}
            name="stop-signal"
            label="Stop signal"
            mono
            placeholder={props.image?.stopSignal ?? "SIGTERM"}
            hint="By which it is asked to stop"
          />
          <Text
            {...props}
            name="stop-timeout"
            label="Seconds to stop"
            placeholder="as the settings say"
            hint="Then it is killed"
          />
        </div>
        <Switch
          {...props}
          name="rm"
          label="Deleted when it has ended"
          hint="With all that it wrote; it can’t be started again by itself then."
        />
      </Section>
      <Section {...props} section="hosts" label="Hosts and DNS">
        <Text
          {...props}
          name="add-host"
          label="Hosts"
          mono
          placeholder="db:10.0.0.2"
          hint="Written into its /etc/hosts, apart by spaces"
        />
        <div className="create__three">
          <Text
            {...props}
            name="dns"
            label="Name servers"
            mono
            placeholder="its network’s"
            hint="Instead of its network’s, which know other containers"
          />
          <Text {...props} name="dns-search" label="Search in" mono placeholder="this machine’s" />
          <Text {...props} name="dns-option" label="Options" mono placeholder="ndots:2" />
        </div>
      </Section>
    </>
  );
}

/** What its image has is shown where nothing is given, and holds. */
function HealthSection(props: SectionProps) {
  const { form, image } = props;
  const inherited = wholeHealthCheck(undefined, image?.healthCheck);
  const off = form["no-healthcheck"] === "true";
  const seconds = (value: number): string => durationText(value);
  const check = inherited ?? { ...healthDefaults, test: [] };
  const command = healthWords({ test: inherited?.test })[0]?.[1];
  return (
    <Section
      {...props}
      section="health"
      label="Health"
      inherited={command && !off ? `its image’s: ${command}` : undefined}
    >
      {!off && (
        <>
          <Text
            {...props}
            name="health-cmd"
            label="Check"
            mono
            placeholder={command ?? "curl -f http://localhost/ || exit 1"}
            hint='Run inside by /bin/sh, or without it as ["CMD", "program", "argument"]. Exit 0 is healthy.'
          />
          <div className="create__three">
            <Text
              {...props}
              name="health-interval"
              label="Every"
              placeholder={seconds(check.intervalSeconds)}
            />
            <Text
              {...props}
              name="health-timeout"
              label="Killed after"
              placeholder={seconds(check.timeoutSeconds)}
            />
            <Text
              {...props}
              name="health-retries"
              label="Unhealthy after"
              placeholder={String(check.retries)}
              hint="Failures in a row"
            />
          </div>
          <div className="create__two">
            <Text
              {...props}
              name="health-start-period"
              label="Start period"
              placeholder={seconds(check.startPeriodSeconds)}
              hint="In which failures don’t count"
            />
            <Text
              {...props}
              name="health-start-interval"
              label="Checked then every"
              placeholder={seconds(check.startIntervalSeconds)}
            />
          </div>
        </>
      )}
      {(inherited || off) && (
        <Switch
          {...props}
          name="no-healthcheck"
          label="Not checked"
          hint="Although its image has a check."
        />
      )}
      <p className="muted">It is checked only while Shimyard is open.</p>
    </Section>
  );
}

function Section(
  props: SectionProps & {
    section: OptionSection;
    label: string;
    /** What holds where nothing is given. */
    inherited?: string | undefined;
    children: React.ReactNode;
  },
) {
  const { form, errorOf, section, label, inherited, children } = props;
  const failed = optionNames.some(
    (name) => optionFields[name].section === section && errorOf(optionFields[name].path),
  );
  return (
    <Disclosure
      label={label}
      summary={sectionSummary(form, section) || (inherited ?? "")}
      force={failed}
    >
      {children}
    </Disclosure>
  );
}

interface OptionProps extends SectionProps {
  name: OptionName;
  label: string;
  placeholder?: string;
  hint?: string;
}

function Text(props: OptionProps & { mono?: boolean }) {
  const { form, set, errorOf, name, label, placeholder, hint, mono = false } = props;
  return (
    <TextField
      {...{ label, placeholder, hint, mono }}
      value={form[name] ?? ""}
      onChange={(value) => set({ ...form, [name]: value })}
      error={errorOf(optionFields[name].path)}
    />
  );
}

function Lines(props: OptionProps) {
  const { form, set, errorOf, name, label, placeholder, hint } = props;
  const value = form[name] ?? "";
  return (
    <Field {...{ label, hint }} error={errorOf(optionFields[name].path)}>
      {(control) => (
        <div className="input input--lines mono">
          <textarea
            {...control}
            spellCheck={false}
            placeholder={placeholder}
            rows={Math.min(6, Math.max(1, value.split("\n").length))}
            value={value}
            onChange={(event) => set({ ...form, [name]: event.target.value })}
          />
        </div>
      )}
    </Field>
  );
}

function Switch(props: OptionProps) {
  const { form, set, name, label, hint } = props;
  return (
    <Checkbox
      {...{ label, hint }}
      checked={form[name] === "true"}
      onChange={(on) => set({ ...form, [name]: on ? "true" : "" })}
    />
  );
}

function Seccomp(props: SectionProps) {
  const { form, set, errorOf } = props;
  const value = form.seccomp ?? "";
  const own = value !== "" && value !== "unconfined";
  return (
    <div className="create__two">
      <Select
        label="System calls"
        value={own ? "/" : value}
        onChange={(seccomp) => set({ ...form, seccomp })}
        options={[
          { value: "", label: "Those that containers need" },
          { value: "/", label: "As a profile of one’s own says" },
          { value: "unconfined", label: "Every one" },
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
