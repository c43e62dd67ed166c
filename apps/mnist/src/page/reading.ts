/** What the network takes the drawing for: ten bars and a sentence. */
import { CLASSES } from '../models.js';
import { element, percent } from './elements.js';

export interface Reading {
  /** @param probabilities of the ten digits, or undefined for none. */
  show(probabilities: Float32Array | undefined): void;
  /** Says something in place of a reading. */
  say(sentence: string): void;
}

export function createReading(): Reading {
  const list = element('bars', HTMLOListElement);
  const verdict = element('verdict', HTMLElement);
  const bars = Array.from({ length: CLASSES }, (_, digit) => {
    const item = document.createElement('li');
    const [name, track, fill, share] = ['span', 'span', 'span', 'span'].map((tag) =>
      document.createElement(tag),
    );
    name.className = 'digit';
    name.textContent = String(digit);
    track.className = 'track';
    share.className = 'share';
    track.append(fill);
    item.append(name, track, share);
    list.append(item);
    return { item, fill, share };
  });
  // A screen reader reads each change aloud: none where the sentence stays the same.
  const say = (sentence: string): void => {
    if (verdict.textContent !== sentence) verdict.textContent = sentence;
  };
  return {
    say,
    show(probabilities) {
      const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
      bars.forEach(({ item, fill, share }, digit) => {
        const value = probabilities?.[digit] ?? 0;
        item.classList.toggle('best', digit === best);
        item.dataset.probability = String(value);
        fill.style.inlineSize = `${100 * value}%`;
        share.textContent = probabilities ? percent(value) : '–';
      });
      if (probabilities) say(sentenceOf(best, probabilities[best]));
    },
  };
}

function sentenceOf(digit: number, share: number): string {
  const article = digit === 8 ? 'an' : 'a';
  if (share > 0.9) return `This is ${article} ${digit}.`;
  return share > 0.5 ? `This looks like ${article} ${digit}.` : `Perhaps ${article} ${digit}?`;
}
