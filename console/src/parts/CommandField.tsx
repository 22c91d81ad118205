import { Select, Switch, Textarea, TextInput } from "@mantine/core";
import { type Field, type FieldProblem, titleOf } from "../api/commands/specs";
import { type Text, useText } from "../text";

type FieldProps = {
  field: Field;
  value: string | boolean;
  problem: FieldProblem | undefined;
  onChange: (value: string | boolean) => void;
};

/** What one parameter of a command is typed into, or chosen from. */
export function CommandField({ field, value, problem, onChange }: FieldProps) {
  const text = useText();
  const words = text.commands.form;
  const label =
    field.title ?? titleOf(field.name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`));
  const shared = {
    label,
    description: field.description?.replaceAll("`", ""),
    required: field.required,
    error: problem && problemOf(problem, field, words),
  };
  if (typeof value === "boolean") {
    return (
      <Switch
        label={label}
        checked={value}
        onChange={event => onChange(event.currentTarget.checked)}
      />
    );
  }
  const typing = {
    ...shared,
    value,
    spellCheck: false,
    onChange: (event: { currentTarget: { value: string } }) => onChange(event.currentTarget.value),
  };
  switch (field.kind) {
    case "choice":
      return (
        <Select
          {...shared}
          clearable={!field.required}
          placeholder={words.anyChoice}
          value={value || null}
          onChange={chosen => onChange(chosen ?? "")}
          data={[...field.choices]}
        />
      );
    case "map":
    case "json":
    case "value":
      return (
        <Textarea
          {...typing}
          autosize
          minRows={3}
          maxRows={14}
          classNames={{ input: "mono" }}
          placeholder={words.hints[field.kind]}
        />
      );
    case "integer":
    case "number":
      return <TextInput {...typing} inputMode={field.kind === "integer" ? "numeric" : "decimal"} />;
    default:
      return field.longest !== null && field.longest > 256 ? (
        <Textarea {...typing} autosize minRows={2} />
      ) : (
        <TextInput {...typing} />
      );
  }
}

function problemOf(problem: FieldProblem, field: Field, words: Text["commands"]["form"]): string {
  switch (problem) {
    case "range":
      return words.problems.range(field.least, field.most);
    case "long":
      return words.problems.long(field.longest ?? 0);
    default:
      return words.problems[problem];
  }
}
