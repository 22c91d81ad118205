import { Button, Modal, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import classes from "./device.module.css";

type Props = {
  title: string;
  explanation: string;
  action: string;
  /** What has to be typed first; null for what is easily undone. */
  wanted: string | null;
  /** Raises `Problem`. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
};

/** Asks once more, and says what will happen. */
export function TypedConfirm({ title, explanation, action, wanted, onConfirm, onClose }: Props) {
  const text = useText();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} className={classes.popover}>
        <p className={classes.said}>{explanation}</p>
        {wanted !== null && (
          <TextInput
            label={text.commands.form.typeName(wanted)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            value={typed}
            onChange={event => setTyped(event.currentTarget.value)}
          />
        )}
        {problem !== null && <ProblemLine error={problem} />}
        <div className={classes.row}>
          <Button
            type="submit"
            color={wanted === null ? "sea" : "red.9"}
            loading={busy}
            disabled={wanted !== null && typed.trim() !== wanted}
          >
            {action}
          </Button>
          <Button variant="default" onClick={onClose}>
            {text.common.cancel}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
