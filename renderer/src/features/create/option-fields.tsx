import type { ImageConfig } from "#shared/contract/images";
import { Disclosure } from "../../components/disclosure.tsx";
import { Checkbox, Field, TextField } from "../../components/fields.tsx";
import {
  type OptionName,
  optionFields,
  optionNames,
  type OptionPath,
  type OptionSection,
  type OptionsForm,
  sectionSummary,
} from "./options-form.ts";

/** What every section of options is drawn from. */
export interface SectionProps {
  form: OptionsForm;
  set: (form: OptionsForm) => void;
  errorOf: (path: OptionPath) => string | undefined;
  image: ImageConfig | undefined;
}

/** Closed at first; what is at fault in it opens it. */
export function Section(
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

export interface OptionProps extends SectionProps {
  name: OptionName;
  label: string;
  placeholder?: string;
  hint?: string;
  disabled?: boolean;
}

export function Text(props: OptionProps & { mono?: boolean }) {
  const { form, set, errorOf, name, label, placeholder, hint, disabled, mono = false } = props;
  return (
    <TextField
      {...{ label, placeholder, hint, mono, disabled }}
      value={form[name] ?? ""}
      onChange={(value) => set({ ...form, [name]: value })}
      error={errorOf(optionFields[name].path)}
    />
  );
}

export function Lines(props: OptionProps) {
  const { form, set, errorOf, name, label, placeholder, hint, disabled } = props;
  const value = form[name] ?? "";
  return (
    <Field {...{ label, hint }} error={errorOf(optionFields[name].path)}>
      {(control) => (
        <div className="input input--lines mono" data-disabled={disabled || undefined}>
          <textarea
            {...control}
            spellCheck={false}
            disabled={disabled}
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

export function Switch(props: OptionProps) {
  const { form, set, name, label, hint } = props;
  return (
    <Checkbox
      {...{ label, hint }}
      checked={form[name] === "true"}
      onChange={(on) => set({ ...form, [name]: on ? "true" : "" })}
    />
  );
}
