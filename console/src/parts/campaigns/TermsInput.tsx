import { NumberInput } from "@mantine/core";
import type { ReactNode } from "react";
import { problemOf, sizesOf } from "../../live/waves";
import { useText } from "../../text";
import classes from "./campaigns.module.css";
import type { TypedTerms } from "./terms";
import { WavesInput } from "./WavesInput";

type Props = {
  terms: TypedTerms;
  /** How many devices there are to be divided; null where nobody can say. */
  total: number | null;
  onChange: (terms: TypedTerms) => void;
  /** Further terms. */
  children?: ReactNode;
};

/** In which steps, how fast, and when it is to stop. */
export function TermsInput({ terms, total, onChange, children }: Props) {
  const words = useText().campaigns;
  const put = (part: Partial<TypedTerms>) => onChange({ ...terms, ...part });
  return (
    <>
      <WavesInput
        waves={terms.waves}
        sizes={total === null ? null : sizesOf(terms.waves, total)}
        problem={problemOf(terms.waves)}
        onChange={waves => put({ waves })}
      />
      <fieldset className={classes.terms}>
        <legend>{words.terms}</legend>
        <NumberInput
          label={words.rate}
          description={words.rateHint}
          placeholder={words.noLimit}
          min={1}
          hideControls
          allowDecimal={false}
          value={terms.rate}
          onChange={rate => put({ rate })}
        />
        <NumberInput
          label={words.soak}
          description={words.soakHint}
          min={0}
          max={86_400}
          hideControls
          allowDecimal={false}
          value={terms.soak}
          onChange={soak => put({ soak })}
        />
        <NumberInput
          label={words.patience}
          description={words.patienceHint}
          min={1}
          max={1440}
          hideControls
          allowDecimal={false}
          value={terms.patience}
          onChange={patience => put({ patience })}
        />
        <NumberInput
          label={words.stopPercent}
          description={words.stopPercentHint}
          min={1}
          max={100}
          hideControls
          value={terms.failed}
          onChange={failed => put({ failed })}
        />
        <NumberInput
          label={words.stopMinimum}
          description={words.stopMinimumHint}
          min={1}
          hideControls
          allowDecimal={false}
          value={terms.minimum}
          onChange={minimum => put({ minimum })}
        />
        {children}
      </fieldset>
    </>
  );
}
