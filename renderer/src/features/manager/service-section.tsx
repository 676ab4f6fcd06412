import { RefreshCw } from "lucide-react";
import type { SystemInfo } from "#shared/contract/system";
import { Button } from "../../components/button.tsx";
import { CodeBlock } from "../../components/code-block.tsx";
import { Disclosure } from "../../components/disclosure.tsx";
import { sentence } from "../../components/error-note.tsx";
import { Section } from "../../components/page.tsx";
import { useServiceReached, useServiceSetUp } from "../../queries/manager.ts";
import { ManagerSwitch } from "./manager-switch.tsx";
import { SetUpSteps } from "./set-up-steps.tsx";
import "./manager.css";

/** The manager that runs without any window: what it is good for, how it is had, and the way to it. */
export function ServiceSection(props: { system: SystemInfo }) {
  const setUp = useServiceSetUp();
  if (!setUp) return null;
  const service = props.system.kind === "service";
  return (
    <Section title="This machine's manager" actions={!setUp.same && <ManagerSwitch />}>
      <div className="service">
        <p>
          {service
            ? "These containers are held by a service of the machine: it is there from boot on, and restarts them as their policies say, whether a window is open or not. Who may use it can become root."
            : "A manager can run as a service of the machine, as root. Its containers are not this user's: they start at boot, and their restart policies hold while no window is open. Those of this window are looked after again when it is next open. Who may use it can become root."}
        </p>
        {service ? (
          <Disclosure label="Do without it">
            <p className="muted">Its containers go on; nobody restarts them any more.</p>
            <CodeBlock text={setUp.remove} label="Copy how to stop it" />
          </Disclosure>
        ) : setUp.same ? (
          <>
            <p className="muted">
              Root's containers are the machine's. Close this window before the service is started,
              for one manager alone can hold them; afterwards it shows what the service holds.
            </p>
            <SetUpSteps failed="NOT_FOUND" />
          </>
        ) : (
          <Reached />
        )}
      </div>
    </Section>
  );
}

/** Whether one could switch to it now, and else what to do. */
function Reached() {
  const { reached, asking, again } = useServiceReached();
  if (reached === undefined) return null;
  if (reached === true) return <p className="muted">It runs, and lets you in.</p>;
  const { code, message, details } = reached;
  return (
    <>
      <p role="status">
        {sentence(message)}{" "}
        {code !== "UNAVAILABLE" && details.hint && (
          <span className="muted selectable">{sentence(details.hint)}</span>
        )}
      </p>
      <SetUpSteps failed={code} />
      <Button icon={RefreshCw} busy={asking} onClick={again}>
        Look again
      </Button>
    </>
  );
}
