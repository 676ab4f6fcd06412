/** The product's mark: three shims, one upon the other. */
export function ProductMark(props: { size?: number }) {
  const { size = 18 } = props;
  return (
    <svg width={size} height={size} viewBox="0 0 18 18" aria-hidden="true" className="product-mark">
      <path d="M5 0h8a5 5 0 0 1 5 5v.4H0V5a5 5 0 0 1 5-5Z" />
      <path d="M0 6.85h18v4.65H0Z" />
      <path d="M0 13h18a5 5 0 0 1-5 5H5a5 5 0 0 1-5-5Z" />
    </svg>
  );
}
