import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { RuntimeInfo, SettingsChange } from "#shared/contract/system";
import { ErrorNote } from "../../components/error-note.tsx";
import { Field, Select, TextField } from "../../components/fields.tsx";
import { Section } from "../../components/page.tsx";
import { SegmentedControl } from "../../components/segmented-control.tsx";
import { useClient } from "../../queries/client.tsx";
import { useSettings } from "../../queries/system.ts";
import { chooseTheme, useTheme } from "../../state/theme.ts";

export function SettingsSection(props: { runtimes: RuntimeInfo[] }) {
  const { runtimes } = props;
  const client = useClient();
  const settings = useSettings();
  const theme = useTheme((state) => state.choice);
  const update = useMutation({
    mutationFn: (change: SettingsChange) => client.call("system.updateSettings", change),
  });
  const best = runtimes.find(({ preferred }) => preferred);
  return (
    <Section title="Settings">
      <div className="settings">
        {update.error && (
          <ErrorNote title="It was not saved" error={update.error} onDismiss={update.reset} />
        )}
        <Field label="Appearance">
          {() => (
            <SegmentedControl
              label="Appearance"
              value={theme}
              onChange={chooseTheme}
              options={[
                { value: "system", label: "As the system" },
                { value: "dark", label: "Dark" },
                { value: "light", label: "Light" },
              ]}
            />
          )}
        </Field>
        <Select
          label="Runtime of new containers"
          value={settings?.defaultRuntime ?? ""}
          onChange={(defaultRuntime) => update.mutate({ defaultRuntime: defaultRuntime || null })}
          options={[
            { value: "", label: best ? `The best here: ${best.name}` : "The best here" },
            ...runtimes.map(({ id, name, version, usable }) => ({
              value: id,
              label: `${name} ${version}`,
              disabled: !usable.ok,
            })),
          ]}
        />
        {settings && (
          <GraceField
            key={settings.stopGrace}
            seconds={settings.stopGrace}
            onChange={(stopGrace) => update.mutate({ stopGrace })}
          />
        )}
      </div>
    </Section>
  );
}

function GraceField(props: { seconds: number; onChange: (seconds: number) => void }) {
  const { seconds, onChange } = props;
  const [text, setText] = useState(String(seconds));
  const value = Number(text);
  const valid = text.trim() !== "" && value >= 0 && value <= 3600;
  const save = (): void => {
    if (valid && value !== seconds) onChange(value);
  };
  return (
    <TextField
      label="Time to end when stopped"
      inputMode="numeric"
      value={text}
      onChange={setText}
      onBlur={save}
      onKeyDown={(event) => event.key === "Enter" && save()}
      trailing={<span className="dim">s</span>}
      hint="After SIGTERM; then SIGKILL"
      error={valid ? undefined : "From 0 to 3600 seconds"}
    />
  );
}
