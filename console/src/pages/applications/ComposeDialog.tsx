import { Button, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { type DragEvent, type FormEvent, useState } from "react";
import {
  APPLICATIONS,
  type Application,
  changeApplication,
  createApplication,
} from "../../api/applications";
import { useChange } from "../../api/change";
import { Problem } from "../../api/problem";
import { Actions, Hint } from "../../parts/Label";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";

type Props = {
  /** Absent: a new one. */
  application?: Application;
  onDone?: (name: string) => void;
  onClose: () => void;
};

/** A Compose file, pasted or dropped: a new application, or new content of one. */
export function ComposeDialog({ application, onDone, onClose }: Props) {
  const text = useText();
  const words = text.applications;
  const [name, setName] = useState(application?.name ?? "");
  const [compose, setCompose] = useState("");
  const change = useChange(
    () => (application ? changeApplication(name, { compose }) : createApplication(name, compose)),
    {
      stale: [APPLICATIONS],
      quiet: true,
      onDone: () => {
        onClose();
        onDone?.(name);
      },
    },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change.mutate(undefined);
  };
  const drop = (event: DragEvent) => {
    const file = event.dataTransfer.files[0];
    if (file === undefined) return;
    event.preventDefault();
    void file.text().then(setCompose);
  };
  return (
    <Modal
      opened
      onClose={onClose}
      size="lg"
      title={application ? words.changeTitle(application.name) : words.addTitle}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          {application ? (
            <Hint>{words.changeHint}</Hint>
          ) : (
            <TextInput
              label={words.name}
              data-autofocus
              maxLength={63}
              spellCheck={false}
              value={name}
              onChange={event => setName(event.currentTarget.value.trim())}
            />
          )}
          <Textarea
            label={words.compose}
            description={words.composeHint}
            classNames={{ input: "mono" }}
            rows={14}
            spellCheck={false}
            value={compose}
            onChange={event => setCompose(event.currentTarget.value)}
            onDragOver={event => event.preventDefault()}
            onDrop={drop}
          />
          {change.isError && <Refusal error={change.error} />}
          <Actions>
            <Button variant="default" onClick={onClose}>
              {text.common.cancel}
            </Button>
            <Button
              type="submit"
              disabled={name === "" || compose.trim() === ""}
              loading={change.isPending}
            >
              {application ? words.keep : words.create}
            </Button>
          </Actions>
        </Stack>
      </form>
    </Modal>
  );
}

/** Each field that the hub refuses, with its line. */
function Refusal({ error }: { error: unknown }) {
  const words = useText().applications;
  if (!(error instanceof Problem) || error.fields.length === 0)
    return <ProblemLine error={error} />;
  return error.fields.map(({ field, message, line }) => {
    const said = `${line ? words.atLine(line) : ""}${field} ${message}`;
    return <ProblemLine key={said} error={new Error(said)} />;
  });
}
