import { Button, Textarea } from "@mantine/core";
import { useState } from "react";
import { useChange } from "../../api/change";
import { problemText } from "../../api/problemText";
import { Confirm } from "../../parts/Confirm";
import { Json } from "../../parts/Json";
import { Actions, Hint } from "../../parts/Label";
import { Loading } from "../../parts/Loading";
import { Section } from "../../parts/Page";
import { ProblemLine } from "../../parts/ProblemLine";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { deleteConfigSchema, SCHEMA, setConfigSchema, useConfigSchema } from "./data";
import classes from "./settings.module.css";

const BEGINNING = { type: "object", properties: {}, additionalProperties: true };

export function ConfigSchema() {
  const text = useText();
  const words = text.settings.schema;
  const changes = useMay()("config-schema:update");
  const schema = useConfigSchema();
  const [typed, setTyped] = useState<string | null>(null);
  const [leaving, setLeaving] = useState(false);
  const kept = schema.data?.schema;
  const begin = () => setTyped(JSON.stringify(kept ?? BEGINNING, null, 2));
  return (
    <Section title={words.title}>
      <div className={classes.stack}>
        <Hint>
          {words.hint} {schema.data === null && words.none}
          {schema.data && `(${words.updated(schema.data.updatedBy)})`}
        </Hint>
        {schema.isError && (
          <ProblemLine error={schema.error} onRetry={() => void schema.refetch()} />
        )}
        {schema.isPending && <Loading height={80} />}
        {typed === null && kept && <Json value={kept} />}
        {typed !== null && (
          <Editor typed={typed} onType={setTyped} onClose={() => setTyped(null)} />
        )}
        {changes && schema.isSuccess && typed === null && (
          <Actions>
            {kept && (
              <Button variant="default" onClick={() => setLeaving(true)}>
                {words.delete}
              </Button>
            )}
            <Button variant="default" onClick={begin}>
              {words.begin}
            </Button>
          </Actions>
        )}
      </div>
      {leaving && <Delete onClose={() => setLeaving(false)} />}
    </Section>
  );
}

type EditorProps = { typed: string; onType: (typed: string) => void; onClose: () => void };

function Editor({ typed, onType, onClose }: EditorProps) {
  const text = useText();
  const words = text.settings.schema;
  const [problem, setProblem] = useState<string | null>(null);
  const change = useChange(setConfigSchema, {
    stale: [SCHEMA],
    done: words.saved,
    onDone: onClose,
    quiet: true,
  });
  const save = () => {
    try {
      const value: unknown = JSON.parse(typed);
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      setProblem(isObject ? null : words.noObject);
      if (isObject) change.mutate(value as Record<string, unknown>);
    } catch (error) {
      setProblem(words.notJson(error instanceof Error ? error.message : String(error)));
    }
  };
  return (
    <>
      <Textarea
        aria-label={words.label}
        autosize
        minRows={8}
        maxRows={24}
        spellCheck={false}
        classNames={{ input: classes.code ?? "" }}
        value={typed}
        error={problem ?? (change.isError && problemText(change.error, text))}
        onChange={event => onType(event.currentTarget.value)}
      />
      <Actions>
        <Button variant="default" onClick={onClose}>
          {text.common.cancel}
        </Button>
        <Button loading={change.isPending} onClick={save}>
          {words.save}
        </Button>
      </Actions>
    </>
  );
}

function Delete({ onClose }: { onClose: () => void }) {
  const words = useText().settings.schema;
  const change = useChange(deleteConfigSchema, {
    stale: [SCHEMA],
    done: words.deleted,
    onDone: onClose,
  });
  return (
    <Confirm
      title={words.deleteTitle}
      act={words.delete}
      busy={change.isPending}
      onConfirm={() => change.mutate(undefined)}
      onClose={onClose}
    >
      {words.deleteHint}
    </Confirm>
  );
}
