import {
  Alert,
  Button,
  Checkbox,
  NumberInput,
  SegmentedControl,
  Select,
  TextInput,
} from "@mantine/core";
import { useMemo, useState } from "react";
import { useCommandSpecs, useOwnSpecs, type Wish } from "../api/commands/requests";
import { type CommandSpec, isOwn, typeOf } from "../api/commands/specs";
import { holdsOwnCommands, useMay } from "../session/access";
import { useSession } from "../session/context";
import { useText } from "../text";
import { CommandField } from "./CommandField";
import { CommandPreview } from "./CommandPreview";
import classes from "./command.module.css";
import { WarningIcon } from "./icons";
import { Loading } from "./Loading";
import { ProblemLine } from "./ProblemLine";
import { type CommandFormProps, useCommandForm } from "./useCommandForm";

/**
 * Any command for these devices, made from the contract, or from what all of them say of their own;
 * asked twice when it is dangerous.
 */
export function CommandForm({ targets, start, onSubmit }: CommandFormProps) {
  const specs = useCommandSpecs();
  const { grants } = useSession();
  const ids = useMemo(
    () => (holdsOwnCommands(grants) ? targets.map(({ id }) => id) : []),
    [grants, targets],
  );
  const own = useOwnSpecs(ids);
  const begun = start?.command && typeOf(start.command);
  const [type, setType] = useState<string | null>(begun ?? null);
  if (specs.isError)
    return <ProblemLine error={specs.error} onRetry={() => void specs.refetch()} />;
  if (specs.data === undefined || (type !== null && isOwn(type) && own.isPending))
    return <Loading height={160} />;
  const all = [...specs.data, ...(own.data ?? [])];
  const spec = all.find(one => one.type === type);
  return (
    <div className={classes.form}>
      <CommandChoice specs={all} targets={targets} type={type} onChange={setType} />
      {own.isError && <ProblemLine error={own.error} onRetry={() => void own.refetch()} />}
      {spec && (
        <SpecForm
          key={spec.type}
          spec={spec}
          targets={targets}
          start={(begun === spec.type && start) || {}}
          onSubmit={onSubmit}
        />
      )}
    </div>
  );
}

type ChoiceProps = {
  specs: readonly CommandSpec[];
  targets: CommandFormProps["targets"];
  type: string | null;
  onChange: (type: string | null) => void;
};

/** Those that may be sent to some of the devices at least; the hub refuses the others each. */
function CommandChoice({ specs, targets, type, onChange }: ChoiceProps) {
  const text = useText().commands.form;
  const may = useMay();
  const chosen = specs.find(one => one.type === type);
  return (
    <Select
      label={text.command}
      placeholder={text.choose}
      description={chosen?.description.replaceAll("`", "")}
      inputWrapperOrder={["label", "input", "description"]}
      searchable
      data-autofocus
      value={type}
      onChange={onChange}
      data={specs
        .filter(({ type: one }) =>
          targets.some(device => may(`commands/${one}:create`, { device })),
        )
        .map(spec => ({ value: spec.type, label: spec.title }))}
    />
  );
}

type SpecFormProps = CommandFormProps & { spec: CommandSpec };

function SpecForm(props: SpecFormProps) {
  const { spec, targets } = props;
  const text = useText().commands.form;
  const form = useCommandForm(props);
  return (
    <form onSubmit={form.submit} className={classes.form} noValidate>
      {spec.fields.map(field => (
        <CommandField
          key={field.name}
          field={field}
          value={form.values[field.name] ?? ""}
          problem={form.problemOf(field.name)}
          onChange={value => form.change(field.name, value)}
        />
      ))}
      <Terms form={form} spec={spec} />
      <Checkbox
        size="xs"
        label={text.approval}
        checked={form.approval}
        onChange={event => form.setApproval(event.currentTarget.checked)}
      />
      <CommandPreview targets={targets} queued={form.delivery === "queue"} />
      {spec.danger !== "no" && (
        <Alert color={spec.danger === "yes" ? "red" : "yellow"} icon={<WarningIcon />} p="xs">
          {text.dangers[spec.danger]}
        </Alert>
      )}
      {spec.danger === "yes" && (
        <TextInput
          label={targets.length === 1 ? text.typeName(form.wanted) : text.typeCount(targets.length)}
          autoComplete="off"
          spellCheck={false}
          value={form.confirmed}
          onChange={event => form.setConfirmed(event.currentTarget.value)}
        />
      )}
      {form.maySign && (
        <Checkbox
          label={text.sign}
          description={text.signHint}
          checked={form.signs}
          onChange={event => form.setSigns(event.currentTarget.checked)}
        />
      )}
      {form.problem !== null && (
        <ProblemLine error={form.problem} onRetry={() => void form.submit()} />
      )}
      <Button
        type="submit"
        size="sm"
        loading={form.busy}
        disabled={!form.ready}
        color={spec.danger === "yes" ? "red.9" : "sea"}
      >
        {targets.length === 1
          ? text.submit(spec.title)
          : text.submitMany(spec.title, targets.length)}
      </Button>
    </form>
  );
}

type TermsProps = { form: ReturnType<typeof useCommandForm>; spec: CommandSpec };

/** Until when it is wanted. */
function Terms({ form, spec }: TermsProps) {
  const text = useText().commands.form;
  return (
    <div className={classes.pair}>
      <div>
        <div className={classes.label} id="delivery">
          {text.delivery}
        </div>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-labelledby="delivery"
          value={form.delivery}
          onChange={value => form.setDelivery(value as Wish["delivery"])}
          data={[
            { value: "now", label: text.now },
            { value: "queue", label: text.queue },
          ]}
        />
      </div>
      {form.delivery === "queue" && (
        <Select
          label={text.expires}
          allowDeselect={false}
          value={form.hours}
          onChange={value => form.setHours(value ?? "24")}
          data={Object.entries(text.expiries).map(([value, label]) => ({ value, label }))}
        />
      )}
      <NumberInput
        label={`${text.timeout} (${text.seconds})`}
        placeholder={text.timeoutHint(spec.timeoutMs / 1000)}
        min={0.1}
        max={86_400}
        hideControls
        value={form.seconds}
        onChange={form.setSeconds}
      />
    </div>
  );
}
