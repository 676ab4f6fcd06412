import { sentence } from "../../components/error-note.tsx";
import type { AppError } from "#shared/errors";
import { useManager } from "../../queries/client.tsx";
import { ManagerSwitch } from "./manager-switch.tsx";
import { SetUpSteps } from "./set-up-steps.tsx";
import "./manager.css";

/** In the window's place until its manager is reached: why it is not, what to do, and the way back. */
export function Unreached(props: { trouble: AppError }) {
  const { code, message, details } = props.trouble;
  const machine = useManager() === "machine";
  return (
    <main className="unreached">
      <h1>{sentence(message)}</h1>
      {details.hint && <p className="muted selectable">{sentence(details.hint)}</p>}
      {machine && <SetUpSteps failed={code} />}
      <p className="muted" role="status">
        It is tried again by itself, every few seconds.
      </p>
      {machine && <ManagerSwitch />}
    </main>
  );
}
