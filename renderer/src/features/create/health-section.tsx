import { healthDefaults, wholeHealthCheck } from "#shared/base/health-check";
import { healthWords } from "#shared/run-line/health";
import { durationText } from "#shared/run-line/values";
import { Section, type SectionProps, Switch, Text } from "./option-fields.tsx";

/** What its image has is shown where nothing is given, and holds. */
export function HealthSection(props: SectionProps) {
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
              label="Interval"
              placeholder={seconds(check.intervalSeconds)}
            />
            <Text
              {...props}
              name="health-timeout"
              label="Timeout"
              placeholder={seconds(check.timeoutSeconds)}
            />
            <Text
              {...props}
              name="health-retries"
              label="Retries"
              placeholder={String(check.retries)}
              hint="Failures until unhealthy"
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
              label="Start interval"
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
