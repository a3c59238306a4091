module paidonce/front

go 1.21
