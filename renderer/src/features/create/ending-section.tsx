import { Section, type SectionProps, Switch, Text } from "./option-fields.tsx";

/** What it is told to stop by, and what becomes of it then. */
export function EndingSection(props: SectionProps) {
  return (
    <Section {...props} section="ending" label="Stopping">
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
          label="Stop timeout"
          placeholder="as the settings say"
          hint="Seconds; then it is killed"
        />
      </div>
      <Switch
        {...props}
        name="rm"
        label="Delete when it exits"
        hint="With all that it wrote; it can’t be started again by itself then."
      />
    </Section>
  );
}
