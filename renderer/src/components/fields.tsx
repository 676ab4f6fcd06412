import * as RadixCheckbox from "radix-ui/checkbox";
import * as RadixSwitch from "radix-ui/switch";
import { Check, ChevronDown, type LucideIcon, Minus } from "lucide-react";
import { type InputHTMLAttributes, type ReactNode, type Ref, useId } from "react";
import { cx } from "./cx.ts";
import { Icon } from "./icon.tsx";
import { Tooltip } from "./tooltip.tsx";
import "./fields.css";

export interface FieldProps {
  label: string;
  /** Keeps the label for screen readers only. */
  hideLabel?: boolean;
  hint?: ReactNode;
  /** What is wrong with it, a sentence. */
  error?: string | undefined;
  /** At the label's right end: a count, a link. */
  aside?: ReactNode;
  className?: string;
}

/** What a field's control needs, so that label, hint and error are announced with it. */
export interface FieldControl {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
}

/** Label, control, and below it the error or else the hint. */
export function Field(props: FieldProps & { children: (control: FieldControl) => ReactNode }) {
  const { label, hideLabel, hint, error, aside, className, children } = props;
  const id = useId();
  const note = error ?? hint;
  return (
    <div className={cx("field", className)}>
      <div className={cx("field__head", hideLabel && !aside && "visually-hidden")}>
        <label htmlFor={id} className={hideLabel ? "visually-hidden" : undefined}>
          {label}
        </label>
        {aside}
      </div>
      {children({
        id,
        "aria-describedby": note ? `${id}-note` : undefined,
        "aria-invalid": error ? true : undefined,
      })}
      {note && (
        <div id={`${id}-note`} className={error ? "field__error" : "field__hint"}>
          {note}
        </div>
      )}
    </div>
  );
}

export interface TextFieldProps
  extends
    FieldProps,
    Omit<InputHTMLAttributes<HTMLInputElement>, "onChange" | "className" | "value"> {
  value: string;
  onChange: (value: string) => void;
  /** For what machines read. */
  mono?: boolean;
  icon?: LucideIcon;
  /** Inside the box, at its right. */
  trailing?: ReactNode;
  ref?: Ref<HTMLInputElement>;
}

export function TextField(props: TextFieldProps) {
  const { label, hideLabel, hint, error, aside, className, ...input } = props;
  const { value, onChange, mono, icon, trailing, disabled, ...rest } = input;
  return (
    <Field {...{ label, hideLabel, hint, error, aside, className }}>
      {(control) => (
        <div className={cx("input", mono && "mono")} data-disabled={disabled || undefined}>
          {icon && <Icon of={icon} size={15} className="input__icon" />}
          <input
            autoComplete="off"
            spellCheck={false}
            {...rest}
            {...control}
            disabled={disabled}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          {trailing}
        </div>
      )}
    </Field>
  );
}

export interface SelectProps extends FieldProps {
  value: string;
  onChange: (value: string) => void;
  options: { value: string; label: string; disabled?: boolean }[];
  disabled?: boolean;
}

/** The system's own list of choices in our dress: it needs no injected style and reads well aloud. */
export function Select(props: SelectProps) {
  const { value, onChange, options, disabled, ...field } = props;
  return (
    <Field {...field}>
      {(control) => (
        <div className="input input--select" data-disabled={disabled || undefined}>
          <select
            {...control}
            disabled={disabled}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          >
            {options.map((option) => (
              <option key={option.value} value={option.value} disabled={option.disabled}>
                {option.label}
              </option>
            ))}
          </select>
          <Icon of={ChevronDown} size={14} className="input__icon" />
        </div>
      )}
    </Field>
  );
}

export interface ToggleProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  label: string;
  hint?: ReactNode;
  disabledReason?: string | false | undefined;
}

export function Checkbox(
  props: Omit<ToggleProps, "checked"> & { checked: boolean | "indeterminate"; hideLabel?: boolean },
) {
  const { checked, onChange, label, hint, disabledReason, hideLabel } = props;
  const id = useId();
  const box = (
    <div className="toggle" data-disabled={disabledReason ? true : undefined}>
      <RadixCheckbox.Root
        id={id}
        className="checkbox"
        checked={checked}
        disabled={Boolean(disabledReason)}
        onCheckedChange={(next) => onChange(next === true)}
        // Its label holds its hint too, which is said after its name.
        aria-label={label}
        aria-describedby={hint && !hideLabel ? `${id}-hint` : undefined}
      >
        <RadixCheckbox.Indicator className="checkbox__mark">
          <Icon of={checked === "indeterminate" ? Minus : Check} size={12} />
        </RadixCheckbox.Indicator>
      </RadixCheckbox.Root>
      {!hideLabel && (
        <label htmlFor={id}>
          {label}
          {hint && <small id={`${id}-hint`}>{hint}</small>}
        </label>
      )}
    </div>
  );
  // Those without a label stand in the rows of lists, by the hundred.
  return hideLabel ? box : <Tooltip content={disabledReason}>{box}</Tooltip>;
}

export function Switch(props: ToggleProps) {
  const { checked, onChange, label, hint, disabledReason } = props;
  const id = useId();
  return (
    <Tooltip content={disabledReason}>
      <div className="toggle" data-disabled={disabledReason ? true : undefined}>
        <RadixSwitch.Root
          id={id}
          className="switch"
          checked={checked}
          disabled={Boolean(disabledReason)}
          onCheckedChange={onChange}
          aria-label={label}
          aria-describedby={hint ? `${id}-hint` : undefined}
        >
          <RadixSwitch.Thumb className="switch__thumb" />
        </RadixSwitch.Root>
        <label htmlFor={id}>
          {label}
          {hint && <small id={`${id}-hint`}>{hint}</small>}
        </label>
      </div>
    </Tooltip>
  );
}
