import { useMutation } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { Button } from "../../components/button.tsx";
import { ErrorNote, Notice } from "../../components/error-note.tsx";
import { KeyValue, KeyValues } from "../../components/key-value.tsx";
import { Page, Section } from "../../components/page.tsx";
import { Moment } from "../../components/since.tsx";
import type { SystemInfo } from "#shared/contract/system";
import { useClient } from "../../queries/client.tsx";
import { useHost, useSystem } from "../../queries/system.ts";
import { ServiceSection } from "../manager/service-section.tsx";
import { NamedDevices } from "./named-devices.tsx";
import { Prerequisites } from "./prerequisites.tsx";
import { Runtimes } from "./runtimes.tsx";
import { SettingsSection } from "./settings-section.tsx";
import "./system.css";

/** What this machine offers, what it lacks, and what one can choose. */
export function SystemPage() {
  const system = useSystem();
  const client = useClient();
  const probe = useMutation({ mutationFn: () => client.call("system.probe", {}) });
  const probing = probe.isPending || system?.probing;
  return (
    <Page
      title="System"
      tools={
        <>
          <span className="spacer" />
          <Button
            icon={RefreshCw}
            busy={Boolean(probing)}
            tip="Looks for everything again, and runs a container with each runtime"
            onClick={() => probe.mutate()}
          >
            {probing ? "Probing…" : "Probe again"}
          </Button>
        </>
      }
    >
      <div className="system">
        {probe.error && (
          <ErrorNote title="Probing failed" error={probe.error} onDismiss={probe.reset} />
        )}
        {system && (
          <>
            <Section title="Needed and useful">
              <Prerequisites list={system.prerequisites} />
              {system.firewalls.map(({ name, note }) => (
                <Notice key={name}>
                  <b>{name} is active.</b> {note}
                </Notice>
              ))}
            </Section>
            <Section title="Runtimes">
              <Runtimes list={system.runtimes} probing={Boolean(probing)} />
            </Section>
            <NamedDevices />
            <div className="system__two">
              <Section title="This computer">
                <Machine system={system} />
              </Section>
              <SettingsSection runtimes={system.runtimes} />
            </div>
            <ServiceSection system={system} />
          </>
        )}
      </div>
    </Page>
  );
}

const cgroups: Record<SystemInfo["cgroup"], string> = {
  v1: "v1",
  hybrid: "v1 and v2 (hybrid)",
  v2: "v2",
  none: "none",
};

function Machine(props: { system: SystemInfo }) {
  const { system } = props;
  const { hostname, distribution, kernel, arch, user, cgroup, paths, version, pid, startedAt } =
    system;
  const host = useHost();
  return (
    <KeyValues>
      <KeyValue name="Name">{hostname}</KeyValue>
      <KeyValue name="System">{distribution}</KeyValue>
      <KeyValue name="Kernel" mono copy={kernel}>
        {kernel} {arch}
      </KeyValue>
      <KeyValue name="cgroup">{cgroups[cgroup]}</KeyValue>
      <KeyValue name="User">
        {user.name} ({user.uid}){user.rootless && ", rootless"}
      </KeyValue>
      <KeyValue name="Data" mono copy={paths.data}>
        {paths.data}
      </KeyValue>
      <KeyValue name="State" mono copy={paths.state}>
        {paths.state}
      </KeyValue>
      <KeyValue name="Shimyard">
        {version}, process <span className="num">{pid}</span>, since <Moment time={startedAt} />
      </KeyValue>
      {host && (
        <KeyValue name="Window">
          {host.shell === "electron" ? `Electron ${host.electron ?? ""}` : "Browser"}
        </KeyValue>
      )}
    </KeyValues>
  );
}
