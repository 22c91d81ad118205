import { useState } from "react";
import { Confirm } from "./Confirm";
import { ProblemLine } from "./ProblemLine";

type Props = {
  title: string;
  explanation: string;
  action: string;
  /** What has to be typed first. */
  wanted: string;
  /** Raises `Problem`. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
};

/** Asks, carries it out, and stays with the reason when it does not work. */
export function ConfirmAction({ title, explanation, action, wanted, onConfirm, onClose }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const confirm = async () => {
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
    <Confirm
      title={title}
      act={action}
      typed={wanted}
      busy={busy}
      onConfirm={() => void confirm()}
      onClose={onClose}
    >
      {explanation}
      {problem !== null && <ProblemLine error={problem} />}
    </Confirm>
  );
}
